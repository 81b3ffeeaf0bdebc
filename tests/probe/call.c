/* Makes one system call by number, past every wrapper of a library, and ends with its error number; zero is success.
 *
 *   call [user|net] [at OFFSET VALUE]... NUMBER ARGUMENT...
 *
 * `user` first enters new user, mount and host name namespaces, `net` new user and network namespaces, in which anybody
 * has every capability; where that is refused it goes on without. `at` writes 64 bits into a page of zeroes. An argument
 * is a number, `page` (its address), `self` (the process id) or a text (its address).
 *
 * Instead of a number: `int80` asks for the process id by the 32-bit entry, `jit` runs code that it has written, `euid`
 * succeeds where a set-user-id program changes the user.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

static unsigned char page[4096] __attribute__((aligned(4096)));

static long number(const char *word) {
  char *end;
  long value = (long)strtoull(word, &end, 0);
  if (*word != 0 && *end == 0)
    return value;
  if (strcmp(word, "page") == 0)
    return (long)page;
  if (strcmp(word, "self") == 0)
    return getpid();
  return (long)word;
}

static int finish(long result) {
  if (result == -1)
    return errno;
  printf("%ld\n", result);
  return 0;
}

static long int80(void) {
#ifdef __x86_64__
  long result;
  __asm__ volatile("int $0x80" : "=a"(result) : "0"(20L) : "r8", "r9", "r10", "r11", "memory");
  if (result < 0) {
    errno = (int)-result;
    return -1;
  }
  return result;
#else
  errno = ENOSYS;
  return -1;
#endif
}

static long jit(void) {
#if defined(__x86_64__)
  static const unsigned char answer[] = {0xb8, 42, 0, 0, 0, 0xc3};
#elif defined(__aarch64__)
  static const unsigned char answer[] = {0x40, 0x05, 0x80, 0x52, 0xc0, 0x03, 0x5f, 0xd6};
#endif
  unsigned char *code = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (code == MAP_FAILED)
    return -1;
  memcpy(code, answer, sizeof answer);
  if (mprotect(code, 4096, PROT_READ | PROT_EXEC) != 0)
    return -1;
  __builtin___clear_cache((char *)code, (char *)code + sizeof answer);
  return ((int (*)(void))code)() == 42 ? 42 : (errno = EINVAL, -1);
}

static long euid(void) {
  errno = EPERM;
  return geteuid() == getuid() ? -1 : (long)geteuid();
}

int main(int count, char **words) {
  long a[7] = {0};
  int next = 1, have = 0;
  if (next < count && strcmp(words[next], "user") == 0 && next++)
    (void)unshare(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWUTS);
  if (next < count && strcmp(words[next], "net") == 0 && next++)
    (void)unshare(CLONE_NEWUSER | CLONE_NEWNET);
  for (; next + 2 < count && strcmp(words[next], "at") == 0; next += 3) {
    long value = number(words[next + 2]);
    memcpy(page + number(words[next + 1]), &value, sizeof value);
  }
  if (next >= count)
    return 255;
  if (strcmp(words[next], "int80") == 0)
    return finish(int80());
  if (strcmp(words[next], "jit") == 0)
    return finish(jit());
  if (strcmp(words[next], "euid") == 0)
    return finish(euid());
  while (next < count && have < 7)
    a[have++] = number(words[next++]);
  return finish(syscall(a[0], a[1], a[2], a[3], a[4], a[5], a[6]));
}
