#include "text.h"

#include <linux/errno.h>

void out_open(struct out *out, int fd) {
  out->fd = fd;
  out->error = 0;
  out->used = 0;
}

void out_flush(struct out *out) {
  size_t done = 0;

  while (done < out->used && out->error == 0) {
    long written = sys_write(out->fd, out->data + done, out->used - done);

    if (written >= 0)
      done += (size_t)written;
    else if (written != -EINTR)
      out->error = (int)-written;
  }
  out->used = 0;
}

void out_bytes(struct out *out, const char *data, size_t size) {
  for (size_t i = 0; i < size; i++) {
    if (out->used == sizeof(out->data)) out_flush(out);
    out->data[out->used++] = data[i];
  }
}

void out_text(struct out *out, const char *text) { out_bytes(out, text, text_length(text)); }

static void out_base(struct out *out, uint64_t value, unsigned base) {
  char digits[24];
  size_t at = sizeof(digits);

  do {
    digits[--at] = (char)('0' + value % base);
    value /= base;
  } while (value != 0);
  out_bytes(out, digits + at, sizeof(digits) - at);
}

void out_number(struct out *out, uint64_t value) { out_base(out, value, 10); }

void out_signed(struct out *out, int64_t value) {
  if (value < 0) out_text(out, "-");
  out_number(out, value < 0 ? 0 - (uint64_t)value : (uint64_t)value);
}

void out_octal(struct out *out, uint64_t value) { out_base(out, value, 8); }

void out_seconds(struct out *out, uint64_t nanoseconds) {
  unsigned thousandths = (unsigned)(nanoseconds / 1000000 % 1000);
  char decimals[4] = {'.', (char)('0' + thousandths / 100), (char)('0' + thousandths / 10 % 10),
                      (char)('0' + thousandths % 10)};

  out_number(out, nanoseconds / 1000000000);
  out_bytes(out, decimals, sizeof(decimals));
}

void out_json(struct out *out, const char *data, size_t size) {
  static const char hex[] = "0123456789abcdef";

  out_text(out, "\"");
  for (size_t i = 0; i < size; i++) {
    unsigned char byte = (unsigned char)data[i];

    if (byte == '"' || byte == '\\') out_text(out, "\\");
    if (byte >= ' ' && byte < 0x7f) {
      out_bytes(out, data + i, 1);
    } else {
      out_text(out, "\\u00");
      out_bytes(out, &hex[byte >> 4], 1);
      out_bytes(out, &hex[byte & 15], 1);
    }
  }
  out_text(out, "\"");
}

void out_json_text(struct out *out, const char *text) { out_json(out, text, text_length(text)); }

void out_errno(struct out *out, int error) {
  static const struct {
    int error;
    char text[28];
  } names[] = {
      {EPERM, "operation not permitted"}, {ENOENT, "no such file or directory"},
      {EIO, "input/output error"},        {ENOEXEC, "exec format error"},
      {EAGAIN, "resource limit reached"}, {ENOMEM, "out of memory"},
      {EACCES, "permission denied"},      {EEXIST, "file exists"},
      {ENOTDIR, "not a directory"},       {EISDIR, "is a directory"},
      {EINVAL, "invalid argument"},       {ENOSPC, "no space left on device"},
      {EROFS, "read-only file system"},   {EPIPE, "broken pipe"},
      {ELOOP, "too many symbolic links"}, {ENAMETOOLONG, "name too long"},
      {E2BIG, "argument list too long"},  {ETXTBSY, "text file busy"},
      {EDQUOT, "disk quota exceeded"},    {EADDRINUSE, "address in use"},
  };

  for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
    if (names[i].error == error) {
      out_text(out, names[i].text);
      return;
    }
  }
  out_text(out, "error ");
  out_number(out, (uint64_t)error);
}

int fail(const char *name, const char *what, const char *object, long result) {
  struct out out;

  out_open(&out, 2);
  out_text(&out, name);
  out_text(&out, ": cannot ");
  out_text(&out, what);
  if (object != NULL) {
    out_text(&out, " ");
    out_text(&out, object);
  }
  out_text(&out, ": ");
  out_errno(&out, (int)-result);
  out_text(&out, "\n");
  out_flush(&out);
  return 1;
}

int usage(const char *name, const char *message) {
  struct out out;

  out_open(&out, 2);
  out_text(&out, name);
  out_text(&out, ": ");
  out_text(&out, message);
  out_text(&out, "\n");
  out_flush(&out);
  return 2;
}
