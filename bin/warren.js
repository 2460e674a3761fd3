#!/usr/bin/env -S node --
// Without "--", Node takes an --env-file that stands behind the name of the program for its own.
require('../dist/start/start.cjs');
