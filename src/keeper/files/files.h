/*
 * warren-files: what Node cannot do to a container's files for want of the system calls.
 *
 *   warren-files view UPPER WORK LOWER...   shows layers merged, as an overlay, until it is killed
 *   warren-files apply ROOT BASE COUNT FILE performs the records of FILE below ROOT
 *   warren-files opaque DIR                 lists the opaque directories of a writable layer
 *   warren-files abort BASE COUNT NUMBER... ends the FUSE connections of these host ids, and these
 *   warren-files attributes DIR             lists extended attributes: PATH NAME VALUE, bytes as %XX
 *   warren-files unpack DIR                 performs the records on its standard input below DIR: a layer
 *
 * ROOT and DIR belong to a container: everything below is reached with openat2 or one component
 * at a time, never through a link that leads outside.
 */
#ifndef WARREN_FILES_H
#define WARREN_FILES_H

#include "../init/sys.h"

#define NAME       "warren-files"
#define PATH_BYTES 4096

/* Exit statuses of unpack and apply that tell something: a name leads outside; nothing more fits. */
enum { LEADS_OUTSIDE = 3, DISK_FULL = 4 };

struct ids {
  /* Host id of the container's id 0, and how many follow. */
  uint32_t base;
  uint32_t count;
};

int view_run(int argc, char **argv);
int apply_run(int argc, char **argv);
int opaque_run(int argc, char **argv);
int abort_run(int argc, char **argv);
int attributes_run(int argc, char **argv);
int unpack_run(int argc, char **argv);

/* An O_PATH descriptor of a path, resolved as if `root` were "/". Negative errno. */
long path_open(int root, const char *path, int flags);
/*
 * The directory that holds the path's last component, whose name goes to *name (inside `path`,
 * which is cut there). Missing directories are made. Negative errno.
 */
long path_parent(int root, char *path, const char **name);
enum { FD_PATH_BYTES = 32 };
/* A path to the file of an O_PATH descriptor, for calls that take one. */
void fd_path(char path[FD_PATH_BYTES], int fd);
/* Removes what is there, directories with all they hold. 0 or a negative errno. */
long path_remove(int parent, const char *name);

#endif
