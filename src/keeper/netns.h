/* Network namespaces that a mount pins in the run dir: `warren-keeper netns COMMAND PATH`. */
#pragma once

/* `arguments`: COMMAND PATH …, terminated by NULL. An exit code; problems go to stderr. */
int netns_main(char **arguments);
