/* Touches memory page by page; a progress line every 16 MiB survives the OOM killer. */
#include "../applets.h"
#include "../clock.h"
#include "../text.h"

#include <linux/errno.h>
#include <linux/mman.h>

#define MIB        (UINT64_C(1) << 20)
#define PAGE_BYTES 4096

/* Protection bits live in <asm/mman.h>, the same on every architecture. */
enum { READ_WRITE = 3 };

static bool parse_size(const char *text, uint64_t *size) {
  unsigned shift = 0;

  if (!text_digits(&text, size)) return false;
  switch (*text | 0x20) {
  case 'k':
    shift = 10;
    break;
  case 'm':
    shift = 20;
    break;
  case 'g':
    shift = 30;
    break;
  default:
    break;
  }
  if (shift > 0) text++;
  if (*text != '\0' || *size > UINT64_MAX >> (shift + 1)) return false;
  /* Whole pages, as the kernel counts. */
  *size = ((*size << shift) + PAGE_BYTES - 1) & ~(uint64_t)(PAGE_BYTES - 1);
  return true;
}

static void report(const char *word, uint64_t got, uint64_t wanted) {
  struct out out;

  out_open(&out, 1);
  out_text(&out, "eat-memory: ");
  out_text(&out, word);
  out_text(&out, " ");
  out_number(&out, got);
  out_text(&out, " of ");
  out_number(&out, wanted);
  out_text(&out, " bytes\n");
  out_flush(&out);
}

/* Maps and touches one piece. 0, or a negative errno. */
static long eat(uint64_t size) {
  long address = sys_call(__NR_mmap, 0, size, READ_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  volatile uint64_t *words;

  if (address < 0 && address > -PAGE_BYTES) return address;
  words = (volatile uint64_t *)address;
  /* The address as content: equal pages could be merged or compressed away. */
  for (uint64_t i = 0; i < size / sizeof(*words); i += PAGE_BYTES / sizeof(*words)) words[i] = (uint64_t)address + i;
  return 0;
}

int applet_eat_memory(const struct args *args) {
  uint64_t wanted = 0;
  uint64_t got = 0;
  int64_t hold = 0;
  long result = 0;

  if (args->argc < 2 || args->argc > 3 || !parse_size(args->argv[1], &wanted) ||
      (args->argc == 3 && !text_seconds(args->argv[2], &hold)))
    return usage("eat-memory", "needs a size such as 64m, and seconds to hold it");
  while (got < wanted) {
    uint64_t piece = wanted - got < MIB ? wanted - got : MIB;

    result = eat(piece);
    if (result < 0) break;
    got += piece;
    if (got % (16 * MIB) == 0 && got < wanted) report("held", got, wanted);
  }
  report("got", got, wanted);
  clock_sleep(hold);
  return result == 0 ? 0 : fail("eat-memory", "map more memory", NULL, result);
}
