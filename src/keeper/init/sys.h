/*
 * Raw system calls for the freestanding warren-init: every wrapper returns the
 * kernel's value, a negative errno on failure. No libc, no errno variable.
 */
#ifndef WARREN_INIT_SYS_H
#define WARREN_INIT_SYS_H

#include <asm/unistd.h>
#include <linux/types.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define AT_FDCWD (-100)

static inline long sys6(long number, const long args[6]) {
#if defined(__x86_64__)
  long ret;
  register long r10 __asm__("r10") = args[3];
  register long r8 __asm__("r8") = args[4];
  register long r9 __asm__("r9") = args[5];
  __asm__ volatile("syscall"
                   : "=a"(ret)
                   : "a"(number), "D"(args[0]), "S"(args[1]), "d"(args[2]), "r"(r10), "r"(r8), "r"(r9)
                   : "rcx", "r11", "memory");
  return ret;
#elif defined(__aarch64__)
  register long x8 __asm__("x8") = number;
  register long x0 __asm__("x0") = args[0];
  register long x1 __asm__("x1") = args[1];
  register long x2 __asm__("x2") = args[2];
  register long x3 __asm__("x3") = args[3];
  register long x4 __asm__("x4") = args[4];
  register long x5 __asm__("x5") = args[5];
  __asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5) : "memory");
  return x0;
#else
#error "warren-init knows x86_64 and aarch64 only"
#endif
}

#define SYS_ARGS(a, b, c, d, e, f, ...)                                                                                \
  ((const long[6]){(long)(a), (long)(b), (long)(c), (long)(d), (long)(e), (long)(f)})
#define sys_call(number, ...) sys6((number), SYS_ARGS(__VA_ARGS__, 0, 0, 0, 0, 0, 0))

static inline long sys_read(int fd, void *buffer, size_t size) { return sys_call(__NR_read, fd, buffer, size); }

static inline long sys_write(int fd, const void *buffer, size_t size) { return sys_call(__NR_write, fd, buffer, size); }

static inline long sys_open(const char *path, int flags, int mode) {
  return sys_call(__NR_openat, AT_FDCWD, path, flags, mode);
}

static inline long sys_close(int fd) { return sys_call(__NR_close, fd); }

static inline long sys_getpid(void) { return sys_call(__NR_getpid, 0); }

static inline long sys_fork(void) {
  /* 17 is SIGCHLD: the exit signal; all other arguments are unused by a plain fork. */
  return sys_call(__NR_clone, 17);
}

static inline long sys_readlink(const char *path, char *buffer, size_t size) {
  return sys_call(__NR_readlinkat, AT_FDCWD, path, buffer, size);
}

__attribute__((noreturn)) static inline void sys_exit(int code) {
  for (;;) sys_call(__NR_exit_group, code);
}

#endif
