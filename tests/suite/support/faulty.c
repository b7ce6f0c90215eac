/* A PKCS#11 module that is another one, but for one fault: FAULT says which, AFTER from which call of C_Sign on. */
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef unsigned long word;
typedef word (*call)();
struct list { unsigned char major, minor; call calls[68]; };

enum { LOGIN = 18, SIGN = 43 };
static struct list ours;
static call real_sign;
static word signs;

static int is(const char *fault) {
    const char *wanted = getenv("FAULT");
    return wanted && !strcmp(wanted, fault);
}

static word locked() { return 0xa4; /* CKR_PIN_LOCKED */ }

static word sign(word session, unsigned char *data, word length, unsigned char *signature, word *room) {
    const char *after = getenv("AFTER");
    int is_time = signature && signs++ >= (after ? (word)atoi(after) : 0);
    if (is_time && is("removed")) return 0x32; /* CKR_DEVICE_REMOVED */
    if (is_time && is("slow")) sleep(600);
    word said = real_sign(session, data, length, signature, room);
    if (is_time && is("wrong")) signature[7] ^= 1;
    return said;
}

word C_GetFunctionList(struct list **out) {
    void *module = dlopen(getenv("REAL_MODULE"), RTLD_NOW);
    if (!module) return 5; /* CKR_GENERAL_ERROR */
    word said = ((word (*)(struct list **))dlsym(module, "C_GetFunctionList"))(out);
    if (said) return said;
    ours = **out;
    real_sign = ours.calls[SIGN];
    ours.calls[SIGN] = (call)sign;
    if (is("locked")) ours.calls[LOGIN] = (call)locked;
    *out = &ours;
    return 0;
}
