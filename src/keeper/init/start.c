/* Entry point and the four memory functions that a freestanding compiler may call. */
#include "applets.h"
#include "sys.h"

__asm__(".globl _start\n"
        ".type _start,%function\n"
        "_start:\n"
#if defined(__x86_64__)
        "	xor %ebp, %ebp\n"
        "	mov %rsp, %rdi\n"
        "	and $-16, %rsp\n"
        "	call start_main\n"
#elif defined(__aarch64__)
        "	mov x29, #0\n"
        "	mov x30, #0\n"
        "	mov x0, sp\n"
        "	and sp, x0, #-16\n"
        "	bl start_main\n"
#endif
);

__attribute__((noreturn, used)) void start_main(long *stack);
void *memcpy(void *restrict target, const void *restrict source, size_t size);
void *memmove(void *target, const void *source, size_t size);
void *memset(void *target, int value, size_t size);
int memcmp(const void *left, const void *right, size_t size);

/* The stack at entry: argc, argv…, NULL, envp…, NULL. */
void start_main(long *stack) {
  struct args args;

  args.argc = (int)stack[0];
  args.argv = (char **)(stack + 1);
  args.envp = args.argv + args.argc + 1;
  sys_exit(multicall(&args));
}

__attribute__((used)) void *memcpy(void *restrict target, const void *restrict source, size_t size) {
  return memmove(target, source, size);
}

__attribute__((used)) void *memmove(void *target, const void *source, size_t size) {
  char *to = target;
  const char *from = source;

  if (to < from) {
    for (size_t i = 0; i < size; i++) to[i] = from[i];
  } else {
    while (size-- > 0) to[size] = from[size];
  }
  return target;
}

__attribute__((used)) void *memset(void *target, int value, size_t size) {
  char *to = target;

  for (size_t i = 0; i < size; i++) to[i] = (char)value;
  return target;
}

__attribute__((used)) int memcmp(const void *left, const void *right, size_t size) {
  const unsigned char *a = left;
  const unsigned char *b = right;

  for (size_t i = 0; i < size; i++) {
    if (a[i] != b[i]) return a[i] - b[i];
  }
  return 0;
}
