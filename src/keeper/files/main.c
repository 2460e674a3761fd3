#include "files.h"

#include "../init/applets.h"
#include "../init/text.h"

int multicall(const struct args *args) {
  int argc = args->argc - 1;
  char **argv = args->argv + 1;

  if (argc > 0 && text_equal(argv[0], "view")) return view_run(argc, argv);
  if (argc > 0 && text_equal(argv[0], "apply")) return apply_run(argc, argv);
  if (argc > 0 && text_equal(argv[0], "opaque")) return opaque_run(argc, argv);
  if (argc > 0 && text_equal(argv[0], "abort")) return abort_run(argc, argv);
  if (argc > 0 && text_equal(argv[0], "attributes")) return attributes_run(argc, argv);
  if (argc > 0 && text_equal(argv[0], "unpack")) return unpack_run(argc, argv);
  return usage(NAME, "view, apply, opaque, abort, attributes or unpack");
}
