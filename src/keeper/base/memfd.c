#include "memfd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "own.h"

/* Linux 6.3; asks for an executable one where vm.memfd_noexec would refuse it. */
#define EXECUTABLE 0x0010u
#define ALL_SEALS  (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

static int make(const char *name) {
  int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING | EXECUTABLE);
  if (fd < 0 && errno == EINVAL) fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
  return fd;
}

int memfd_of(const char *name, const void *data, size_t size) {
  OWN_FD fd = make(name);
  if (fd < 0) return -1;
  for (size_t at = 0; at < size;) {
    ssize_t written = write(fd, (const char *)data + at, size - at);
    if (written < 0) return -1;
    at += (size_t)written;
  }
  if (fchmod(fd, 0755) < 0 || fcntl(fd, F_ADD_SEALS, ALL_SEALS) < 0) return -1;
  return steal_fd(&fd);
}

int memfd_copy(const char *name, int file) {
  struct stat status;
  if (fstat(file, &status) < 0) return -1;
  if (!S_ISREG(status.st_mode)) {
    errno = EACCES;
    return -1;
  }
  void *data = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE, file, 0);
  if (data == MAP_FAILED) return -1;
  int fd = memfd_of(name, data, (size_t)status.st_size);
  munmap(data, (size_t)status.st_size);
  return fd;
}
