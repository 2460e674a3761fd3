#!/bin/sh
':' //; exec node -- "$0" "$@"
// A shell starts node with `--`: without it node 20 takes `--env-file` of `warren run` for its own. As a program for
// node the line above is a text and a comment.
import '../dist/cli/main.js';
