/* What the core's files share with each other and nobody else uses. */
#pragma once

#include "../base/own.h"
#include "../worker/job.h"
#include "keeper.h"

/* The object that embeds `member`. */
#define OWNER_OF(pointer, type, member) ((type *)(void *)((char *)(pointer)-offsetof(type, member)))

#define NS_PER_MS 1000000ull
#define NS_PER_S  1000000000ull

/* ---- loop.c ---- */

int loop_init(struct keeper *);
void loop_run(struct keeper *); /* until `ending` */

/* ---- client.c ---- */

struct fence;
struct job_reply;

/* Where starts wait for a worker: one of each client, so that they take turns. */
struct lane {
  struct job *first, *last;
  struct lane *next;
  bool queued;
};

struct client {
  struct keeper *keeper;
  struct watch watch;
  pid_t pid; /* of the peer */
  bool greeted, closing;
  bool paused; /* nothing is read: too much waits to be sent, or a LIST is under way */
  uint8_t *in;
  size_t in_len, in_cap;
  uint8_t *out;
  size_t out_at, out_len, out_cap;
  struct deferred flush, end;
  struct request **requests; /* by id */
  uint32_t request_buckets, request_count;
  struct bond *bonds;                /* containers that end with this connection */
  struct room *rooms, *rooms_called; /* who waits for room to send; those who are being called */
  struct lane lane;
  struct fence *fences; /* locks held */
  struct request *list; /* the LIST under way */
  struct client *prev, *next;
};

int clients_listen(struct keeper *, int socket);
void clients_accept(struct keeper *, bool accept); /* stops and resumes listening */
void clients_flush(struct keeper *);               /* sends what is queued, as far as they take it */
void clients_close(struct keeper *);
unsigned clients_count(const struct keeper *);
bool client_pending(struct keeper *); /* a connection waits to be accepted */
struct request *request_find(struct client *, uint64_t id);
void request_fail_with(struct request *, int error, const char *action, const char *path);
void request_exit(struct request *, const struct container *, const struct exit_status *); /* EXIT, ends it */
void client_drop(struct client *); /* soon, without another word */
void client_pause(struct client *, bool paused);
size_t client_queued(const struct client *);

/* LAUNCHED, with the clamps and times of the worker's JOB_DONE. */
void request_launched(struct request *, const struct process *, const struct job_reply *);

/* ---- dispatch.c ---- */

/* False: the payload does not decode. Ends the request now or keeps it. */
bool dispatch(struct request *, struct reader *payload);
bool dispatch_stream(struct client *, uint16_t type, uint64_t id, struct reader *payload);

/* ---- container.c ---- */

int containers_init(struct keeper *);
unsigned containers_count(const struct keeper *);
unsigned containers_active(struct keeper *); /* starting, running, paused, restarting or being cleaned up */
struct container *container_add(struct keeper *, struct supervise *taken);
/* Another run under the same id. */
void container_renew(struct container *, struct supervise *taken);
void container_set_cleanup(struct container *, uint8_t *taken, uint32_t size);
bool container_running(const struct container *);                           /* running or paused */
bool container_live(const struct container *);                              /* not exited */
const char *container_cgroup(const struct container *, unsigned hierarchy); /* path, NULL */
int container_wait(struct container *, struct request *, bool next_exit);
void container_clean(struct container *);  /* queues its cleanup */
void container_forget(struct container *); /* when nothing of it is left */
void container_settle(struct container *); /* frees it if it is forgotten and nothing is left */
void container_write_state(struct writer *, const struct container *);
/*
 * A start that failed: exited again, or gone if it never ran. `detail` NULL: nobody else needs to be told. `undone`: the
 * worker left nothing; otherwise the cleanup runs.
 */
void container_start_failed(struct container *, const char *detail, bool undone);
/* STOP: ends it with the signal, after the timeout with SIGKILL; answers EXIT. */
void container_stop(struct container *, struct request *, int signal, uint64_t timeout_ms);
void container_supervise(struct container *, struct supervise *taken); /* SUPERVISE */
/* START_OWNER: the container ends with the connection, also after restarts. */
int bond_make(struct client *, struct container *);
void bond_break(struct container *);
void bonds_client_gone(struct client *);

/* ---- freeze.c, list.c ---- */

void freeze_begin(struct container *, struct request *, bool frozen); /* OK when it is so */
void freeze_cancel(struct container *);
void list_begin(struct request *, struct reader *names, uint32_t count);
void forget_begin(struct request *, struct reader *names, uint32_t count);
void forget_done(struct container *); /* it leaves the table now */

/* ---- signals.c ---- */

/* `whole`: every process in its cgroup, not only its init. */
int signal_container(struct container *, int signal, bool whole);
/* SIGNAL_MANY: SIGNALED. */
void signal_many(struct request *, struct reader ids, uint32_t count, int signal, bool whole);
/* KILL_ALL: SIGNALED, or EBUSY when others than these run, or anything starts, in the group of this keeper's containers. */
void kill_all(struct request *, struct reader ids, uint32_t count);

/* ---- netlink.c ---- */

/* Sends the plan's batches, for a running container or for none (NULL); answers OK. */
int netlink_begin(struct request *, struct container *, const struct plan *, struct failure *);
/*
 * Appends a descriptor for every pinned network namespace that the plan names, of /dev/null for a missing one. -1 with a
 * failure and nothing appended.
 */
int places_open(const struct keeper *, const struct plan *, int *fds, size_t *count, struct failure *);
void places_close(int *fds, size_t from, size_t count);

/* ---- cgroup.c ---- */

int cgroup_open(struct keeper *, unsigned hierarchy, const char *path, const char *file, int flags);
int cgroup_file_write(struct keeper *, unsigned hierarchy, const char *path, const char *file, const char *value);
/* cgroup.kill of the unified cgroup; ENOENT when there is none. */
int cgroup_kill(struct keeper *, const char *path);
/* A number behind a key of a flat keyed file; false when absent. */
bool cgroup_read_key(struct keeper *, unsigned hierarchy, const char *path, const char *file, const char *key,
                     uint64_t *value);
/* Signals every process in the cgroup and below it; fails past the limits for hostile trees. */
int cgroup_signal(struct keeper *, const char *path, int signal);
uint64_t cgroup_oom_kills(const struct container *);
unsigned hierarchy_of(const struct keeper *, const char *name); /* 0xff: none */

/* ---- process.c ---- */

int processes_init(struct keeper *);
struct process *process_new(struct container *, bool is_init);
void process_set_pid(struct process *, pid_t); /* once */
/* The exit is known from elsewhere (holder, journal). */
void process_exited(struct process *, const struct exit_status *);
void process_reap_stray(struct keeper *, int pidfd); /* a child that is no process any more: waits and closes */
/* The holder reaped it: `usage` has its times and usage. */
void process_holder_notice(struct keeper *, pid_t, uint64_t identity, int wait_status, const struct exit_status *usage);
struct process *process_of_pid(struct keeper *, pid_t pid);
void process_sweep(
    struct keeper *); /* reaps children that nobody knows: of a worker that died between clone and telling */

/* ---- workers.c ---- */

enum pool { POOL_LAUNCH, POOL_OPEN, POOL_CLEAN, POOL_COUNT };

/* What a worker sent; descriptors that the handler takes are set to -1. */
struct job_reply {
  const struct job_message *message;
  const uint8_t *body;
  size_t size;
  int *fds;
  size_t nfds;
  bool lost; /* the worker ended: `message` is a JOB_FAILED of the keeper's own */
};

struct job {
  uint64_t id;
  enum pool pool;
  struct worker *worker; /* NULL: waits, or done */
  struct lane *lane;
  /* A worker is free: calls job_post once and returns 0; or -1, having reported why not: the job is over. */
  int (*begin)(struct job *);
  /* JOB_DONE, JOB_FAILED and JOB_OPENED end the job: it may be freed or submitted again. */
  void (*reply)(struct job *, const struct job_reply *);
  struct job *next;
};

int workers_init(struct keeper *);
void workers_end(struct keeper *); /* ends them all; no new ones */
void workers_resume(struct keeper *);
unsigned workers_count(const struct keeper *);
bool workers_idle(const struct keeper *);
struct lane *workers_lane(struct keeper *); /* for starts without a client, and for cleanups */
void job_submit(struct keeper *, struct job *, struct lane *);
void job_cancel(struct keeper *, struct job *); /* waiting: out of its lane; at work: JOB_ABORT */
int job_post(struct job *, struct job_message *, const void *body, const int *fds, size_t nfds);
int job_tell(struct job *, uint32_t kind); /* JOB_GO, JOB_ABORT */
void lane_forget(struct keeper *, struct lane *);

/* ---- launch.c ---- */

struct launch_request {
  struct request *request;
  uint32_t flags;
  uint64_t fence;
  struct supervise supervise; /* taken over */
  struct plan plan;
  uint16_t cols, rows; /* of its terminal; 0: as the kernel makes it */
};
int launch_begin(struct keeper *, struct launch_request *, struct failure *); /* takes `supervise` over on success */
void launch_resume(struct launch *);                                          /* the container's cleanup is done */
void launch_cancel(struct launch *);

/* ---- stored_plan.c: plans of containers that start again ---- */

int stored_plan_write(struct container *, const void *plan, size_t size);
uint8_t *stored_plan_read(struct container *, size_t *size); /* NULL and errno */
void stored_plan_remove(struct container *);

/* ---- lock.c ---- */

int locks_init(struct keeper *);
void lock_request(struct request *, struct str name, uint64_t timeout_ms, struct str operation);
bool lock_release(struct client *, uint64_t fence); /* false: not held by this client */
void locks_client_gone(struct client *);
/* An operation under the lock begins and ends. -1 with ESTALE when the fence is not that of a held lock. */
int fence_enter(struct keeper *, uint64_t fence);
void fence_leave(struct keeper *, uint64_t fence);

/* ---- event.c ---- */

void event_subscribe(struct request *, uint32_t mask);
void event_unsubscribe(struct request *);

/* ---- event_file.c ---- */

int event_file_open(struct keeper *);
void event_file_add(struct keeper *, const struct writer *payload); /* written at the end of this turn of the loop */
void event_file_flush(struct keeper *);                             /* now */

/* ---- journal.c ---- */

/* Reads what an earlier keeper of this boot wrote into the table of containers; until journal_rewrite nothing is written. */
int journal_load(struct keeper *);
int journal_rewrite(struct keeper *);
void journal_intent(struct container *);
void journal_running(struct container *); /* past "go": the start is confirmed */
void journal_cleaned(struct container *);
void journal_exec(struct process *, bool bound); /* `bound`: must not outlive the keeper that streams it */
void journal_exec_ended(struct process *);
void journal_remove(struct keeper *);

/* ---- adopt.c ---- */

int adopt_all(struct keeper *);

/* ---- holder_link.c ---- */

int holder_link_init(struct keeper *, int socket);
/* Calls process_holder_notice for every record that was not read yet. */
void holder_read_reaped(struct keeper *);
pid_t holder_pid(const struct keeper *); /* 0: it is gone */
void holder_tell_ending(struct keeper *);

/* ---- instance.c ---- */

_Noreturn void keeper_main(const struct keeper_options *);
void instance_shutdown(struct request *, bool force);
void instance_upgrade(struct request *, const char *path);
void instance_status(struct request *);
