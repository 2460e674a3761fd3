/*
 * The keeper: one epoll loop over clients, workers, processes, streams and timers.
 *
 *   loop.c       epoll, timers, deferred work            client.c     frames in and out, flow limits
 *   dispatch.c   one function per request type           container.c  the table and the status of containers
 *   launch.c     open → launch → journal → go → done     exec.c       the same for an exec
 *   process.c    exits: waitid, usage, OOM, draining     workers.c    the pool and its queue
 *   journal.c    what survives the keeper                adopt.c      the way back in
 *   lock.c       named locks with fencing                event.c      subscribers
 *   holder_link.c  the holder's store of descriptors     instance.c   start-up, shutdown, upgrade
 *   ../stdio/    streams, logs, ptys, attach             ../policy/   leases, restarts, health, programs of the engine's
 *
 * A `process` is a container's init or an exec in it: something the keeper is told the exit of, with stdio.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/types.h>

#include "../base/buffer.h"
#include "../base/failure.h"
#include "../plan/plan.h"
#include "../plan/supervise.h"
#include "../worker/job.h"

struct keeper;
struct container;
struct process;
struct client;
struct request;
struct ledger;
struct stdio;
struct launch;

/* ---- loop.c ---- */

/* Embedded in whatever owns the descriptor; `ready` may free its owner. */
struct watch {
  int fd;
  uint32_t events;
  void (*ready)(struct watch *, uint32_t events);
};
int watch_add(struct keeper *, struct watch *, int fd, uint32_t events);
int watch_change(struct keeper *, struct watch *, uint32_t events);
void watch_remove(struct keeper *, struct watch *); /* does not close; pending events of it are dropped */

/* Embedded; times in ns of CLOCK_BOOTTIME. `due` 0: not set. A binary heap: set and clear are O(log n). */
struct timer {
  uint64_t due;
  uint32_t slot;
  void (*fire)(struct timer *);
};
void timer_set(struct keeper *, struct timer *, uint64_t due_ns);
void timer_clear(struct keeper *, struct timer *);
uint64_t now_ns(void); /* CLOCK_BOOTTIME */
uint64_t realtime_ns(void);

/* Work for after the current callback, when nothing on the stack uses what it frees. Embedded; zeroed before its first use. */
struct deferred {
  void (*run)(struct deferred *);
  bool queued;
  struct deferred *next;
};
void defer(struct keeper *, struct deferred *);
void defer_cancel(struct keeper *, struct deferred *);

/* ---- process.c ---- */

struct exit_status {
  uint8_t how; /* enum exit_how */
  int32_t code;
  bool oom_killed;
  uint64_t started_ns, finished_ns; /* realtime */
  uint64_t user_us, system_us, max_rss_bytes;
  uint8_t reason; /* enum exit_reason */
};

struct process {
  struct keeper *keeper;
  struct container *container;
  struct watch watch; /* on the pidfd */
  int pidfd;          /* -1 when it ended */
  pid_t pid;
  bool is_init;
  bool adopted;         /* not our child */
  bool held;            /* adopted, and the holder is its parent: it tells the exit */
  bool exited, drained; /* both: finished */
  uint8_t kill_reason;  /* why the keeper ended it; REASON_OWN if it did not */
  uint64_t started_ns;
  bool bound; /* an exec that ends with the keeper that streams it */
  struct exit_status exit;
  struct stdio *stdio;                /* NULL: no streams (null or file output) */
  struct request *starter;            /* of the LAUNCH or EXEC with stream flags, while its client is there */
  struct request *owner;              /* START_OWNER of an exec; of an init: container->bond */
  struct timer timeout;               /* exec time limit */
  struct process *next;               /* in the container's list of execs */
  struct process *pid_next;           /* in the table by pid */
  void (*finished)(struct process *); /* a probe's own end; NULL: the usual one; the process is freed after it */
  struct deferred finish;
  uint64_t identity; /* pidfd_identity */
};

/* Registers the pidfd (taken over). */
int process_watch(struct process *, int pidfd);
/* Signals through the pidfd; ESRCH when it is gone. Records `reason` for signals that end it. */
int process_signal(struct process *, int signal, uint8_t reason);
/* Called by stdio when every byte of an exited process was read and logged. */
void process_drained(struct process *);
void process_free(struct process *);

/* ---- container.c ---- */

struct waiter; /* a WAIT or STOP that is answered at an exit */

struct container {
  struct keeper *keeper;
  struct supervise supervise;
  uint8_t *cleanup; /* plan of the cleanup phase */
  uint32_t cleanup_size;
  uint8_t status; /* enum container_status */
  bool stopping;  /* asked for: no restart */
  bool forget;    /* leaves the table when nothing of it is left */
  bool cleaning;  /* its cleanup runs */
  bool cleaned;
  bool named;            /* by the request that is looked at */
  bool own_pidns;        /* the end of its init ends everything in it */
  bool ran;              /* `last` is of a run */
  uint64_t oom_kills;    /* seen so far */
  struct launch *launch; /* under way, or waiting for the cleanup */
  struct freeze *freeze; /* a FREEZE under way */
  struct forget *forgetting;
  struct bond *bond;    /* START_OWNER */
  struct process *init; /* NULL when exited */
  struct process *execs;
  struct exit_status last;
  uint32_t restarts;
  struct waiter *waiters;
  /* lease.c, restart.c, health.c own these */
  struct timer ttl, idle, backoff, stop_timer;
  struct health *health; /* NULL: none */
  uint64_t next_start_ns;
  uint64_t backoff_ms;
  struct container *hash_next;
};

struct container *container_find(struct keeper *, const char *id, size_t len);
/* The one place where the status changes: emits the event, wakes the waiters, arms leases and health, journals. */
void container_set_status(struct container *, uint8_t status);
void container_each(struct keeper *, void (*visit)(struct container *, void *), void *);
/* Full end of a run: cgroup killed, cleanup queued, restart or exit decided. Called when init has finished. */
void container_init_finished(struct container *);
int container_kill(struct container *, uint8_t reason); /* cgroup.kill of everything in it */
void container_activity(struct container *);            /* exec, attach, stdin: the idle lease starts again */

/* ---- launch.c, exec.c ---- */

/* Starts a container from its stored plan (restart.c); failure: the container is `exited` with EXIT_UNKNOWN and an event says why. */
int launch_again(struct container *);

/*
 * Starts a process in a running container. `on_started(process, NULL)` or `on_started(NULL, failure)` is called later. Used
 * by EXEC and by health probes. `capture`: output goes to stdio_capture, else to the starter's streams.
 */
struct exec_start {
  struct container *container;
  const uint8_t *plan;
  size_t plan_size;
  uint32_t flags;
  uint16_t cols, rows;
  uint64_t timeout_ms;
  struct request *starter; /* NULL for a probe */
  uint32_t capture_bytes;  /* > 0: keep the last bytes of output for stdio_captured */
  void *context;
  void (*on_started)(void *context, struct process *, const struct failure *);
};
int exec_begin(struct keeper *, const struct exec_start *, struct failure *);

/* ---- client.c ---- */

struct request {
  struct client *client;
  uint64_t id;
  uint16_t type;
  struct process *process;        /* launch, exec, attach */
  uint32_t stream_flags;          /* START_STDIN … of this request */
  uint32_t credit[3];             /* what we may still send on 1 and 2; what the client may still send on 0 */
  bool dropped;                   /* attach: too slow */
  bool cancelled;                 /* by CANCEL */
  void *state;                    /* of its handler (waiters, locks, launches) */
  struct attachment *attachment;  /* of stdio */
  void (*gone)(struct request *); /* the client left or cancelled: let go of it; it is freed after this */
  struct request *next;
};

/* A frame of `type` for the request; the payload is copied. Never blocks; past CLIENT_OUT_MAX the client is closed, except that
   client_room says beforehand how much STREAM data still fits. */
void client_send(struct request *, uint16_t type, const struct writer *payload);
size_t client_room(const struct client *);
/* Calls `room` once when a client that was full has room again (also when it leaves). */
void client_on_room(struct client *, void (*room)(void *), void *);
void client_off_room(struct client *, const void *);         /* not for this context any more */
void request_ok(struct request *);                           /* does not end it */
void request_fail(struct request *, const struct failure *); /* does not end it */
void request_end(struct request *);                          /* after the last reply: frees it */
void write_exit(struct writer *, const struct exit_status *);

/* ---- event.c ---- */

void event_emit(struct keeper *, uint8_t kind, struct container *, uint32_t pid, const struct exit_status *,
                const char *detail);

/* ---- holder_link.c ---- */

/* The holder keeps a duplicate under a tag ("log:<id>:1", "pty:<id>") until it is dropped. */
void holder_keep(struct keeper *, const char *tag, int fd);
void holder_drop(struct keeper *, const char *tag);
/* At start-up: the descriptor kept under the tag, or -1. */
int holder_take(struct keeper *, const char *tag);

/* ---- ../stdio/ ---- */

/* Added to an exec's start flags when it asks for a terminal (it has columns). Never on the wire. */
enum { START_TTY = 1 << 16 };

/*
 * Makes the child's ends (out[0..2], -1 entries with a tty) and remembers the keeper's. By the supervise section for an init
 * (null, file, pump with FIFOs in <run dir>/io/, owned by stdio_uid), by start flags for an exec (pipes, START_TTY).
 */
int stdio_prepare(struct process *, uint32_t start_flags, uint32_t capture_bytes, int out[3], struct failure *);
/* After JOB_DONE: the child's ends are closed by the caller; `pty` (or -1) is taken over. Starts reading; the starter is attached. */
int stdio_start(struct process *, int pty, uint16_t cols, uint16_t rows);
/* After the keeper was restarted: takes FIFO and pty descriptors from the holder, else reopens the FIFOs by path. */
int stdio_adopt(struct process *);
/* After stdio_start: reads what is left, then (perhaps at once) process_drained. */
void stdio_exited(struct process *);
void stdio_discard(struct container *); /* the files of a run that is over with nothing to be read any more */
/* Who is attached, other than the starter, gets EXIT. */
void stdio_free(struct process *);
/* Before the keeper ends or is replaced: what is held back of a line goes to the log. */
void stdio_flush(struct process *);
bool stdio_attached(const struct process *); /* by anybody */
struct str stdio_captured(const struct process *);
/* Answers OK; later the request ends with EXIT or ERROR. */
int stdio_attach(struct request *, struct process *, uint32_t flags, struct failure *);
/* Before a request that has an attachment is freed (client left, CANCEL); sends nothing. */
void stdio_detach(struct request *);
void stdio_input(struct request *, struct str data);
void stdio_input_end(struct request *);
void stdio_credit(struct request *, uint8_t stream, uint32_t bytes);
int stdio_resize(struct process *, uint16_t cols, uint16_t rows);
void stdio_log_changed(struct container *); /* SUPERVISE changed rotation */
/* Before stdio_adopt: takes over what the last keeper had read and not written yet, and writes it. -1 with errno. */
int ledger_open(struct keeper *);
/* After the last stdio_adopt: gives up what belongs to no container any more. */
void ledger_settle(struct keeper *);

/* ---- ../policy/ ---- */

void lease_arm(struct container *);   /* at start, adoption and SUPERVISE */
void lease_touch(struct container *); /* activity */
void lease_clear(struct container *);
/* After a run ended: true when the container goes to `restarting` and will start again. */
bool restart_decide(struct container *);
void restart_cancel(struct container *);
void restart_resume(struct container *); /* after adoption in `restarting`: by next_start_ns */
void health_arm(struct container *);
void health_clear(struct container *);
uint8_t health_of(const struct container *, uint32_t *failing_streak);
/*
 * CONFIG: `strings` are two lists of str, checked: argv and environment. Kept in <run dir>/reconcile, from which
 * reconcile_init reads them when the keeper starts.
 */
int reconcile_configure(struct keeper *, struct reader *strings);
int reconcile_init(struct keeper *);
bool reconcile_busy(const struct keeper *); /* a reconcile process runs or is due */
pid_t reconcile_pid(const struct keeper *); /* a child of ours that is none of the containers'; 0: none */
/* Starts the reconcile process if none runs (CONFIG gave its command); again after it ended if more was asked for meanwhile. */
void reconcile_request(struct keeper *);
/*
 * SERVICE: as reconcile_configure, kept in <run dir>/service; the program is started, and again whenever it ends. An empty argv
 * ends it. `anew`: also when the same one runs already.
 */
int service_configure(struct keeper *, struct reader *strings, bool anew);
int service_init(struct keeper *); /* of instance 0 */
pid_t service_pid(const struct keeper *);
void service_end(struct keeper *); /* the next keeper has none until it is asked */

/* ---- instance.c ---- */

void instance_check(struct keeper *);         /* something ended: is it time to end as well? */
bool instance_closing(const struct keeper *); /* starts nothing any more */

/* ---- journal.c ---- */

void journal_started(
    struct container *); /* before "go": supervise, cleanup, pid, pidfs handle or start time, boot id */
void journal_exited(struct container *);
void journal_forgotten(struct container *);
void journal_state(struct container *); /* restarts, health, supervise changes */

/* ---- the keeper itself ---- */

struct keeper_options {
  const char *run_dir;
  const char *data_root;
  unsigned instance;
  unsigned hierarchy_count;
  const char *hierarchy_names[16]; /* [0] "unified" */
  const char *hierarchy_roots[16];
  const char *cgroup; /* own leaf, relative to each hierarchy's root */
  unsigned workers;
  uint64_t idle_exit_ms;   /* without containers and clients; 0: never */
  uint64_t original_files; /* soft RLIMIT_NOFILE and oom_score_adj of whoever started us: containers get them */
  int original_oom_score;
  bool leave_scope; /* of `start`: it is the first process of a scope, which must not hold processes itself */
  bool upgraded;    /* took the place of an older program in the same process */
};

struct keeper {
  struct keeper_options options;
  int run_dir_fd, epoll_fd;
  int hierarchies[16];  /* O_PATH, -1 */
  int init_fd, self_fd; /* sealed memfds: warren-init, this program */
  int null_dir_fd;      /* of stdio/null.c; 0: not made yet */
  char boot_id[40];
  uint64_t next_fence;
  struct loop *loop;
  struct containers *containers;
  struct clients *clients;
  struct workers *workers;
  struct journal *journal;
  struct locks *locks;
  struct holder_link *holder;
  struct ledger *ledger;
  struct reconcile *reconcile;
  struct service *service;
  struct probes *probes;
  struct subscribers *subscribers;
  struct event_file *event_file; /* NULL: events are not stored */
  uint64_t last_event_ns;
  struct instance *instance;
  struct process **processes; /* by pid */
  uint64_t log_lines_dropped;
  uint32_t fd_limit, fd_used, adopted, launches; /* under way */
  uint8_t log_level;
  bool ending;
};

/* Descriptors are a budget: every one that lives as long as a container is counted. EMFILE when it is used up. */
int fd_reserve(struct keeper *, unsigned count);
void fd_release(struct keeper *, unsigned count);
