import { Bytes } from './bytes.js';

const phase = { before: 1, after: 2, child: 3, cleanup: 4 } as const;

export interface Shape {
  readonly id: string;
  readonly argv: readonly string[];
  readonly program?: string;
  readonly cgroupParent: string;
  readonly network?: boolean;
  readonly user?: boolean;
  readonly memory?: string;
  /** Index of the memory hierarchy; 0: none. */
  readonly memoryHierarchy?: number;
  readonly upper?: boolean;
  readonly binds?: readonly { source: string; target: string }[];
  readonly stdin?: boolean;
  readonly restart?: { policy: number; retries: number };
  readonly log?: string;
  readonly ttlMs?: number;
}

class PlanWriter {
  readonly #operations: Buffer[] = [];

  /** Flags other than 0 stand before the payload. */
  add(operation: number, where: number, payload: Bytes | readonly [number, Bytes]): this {
    const [flags, fields] = payload instanceof Bytes ? [0, payload] : payload;
    const body = fields.done();
    this.#operations.push(
      new Bytes().u16(operation).u8(where).u8(flags).u32(body.length).raw(body).done(),
    );
    return this;
  }

  done(): Buffer {
    const head = new Bytes().u32(0x4e4c5057).u16(1).u16(this.#operations.length).done();
    return Buffer.concat([head, ...this.#operations]);
  }
}

const cloneFlags = {
  mount: 0x20000,
  cgroup: 0x2000000,
  uts: 0x4000000,
  ipc: 0x8000000,
  user: 0x10000000,
  pid: 0x20000000,
  network: 0x40000000,
};

const readOnly = 1;
const hardened = 2 | 4 | 8;

function cgroups(shape: Shape): { hierarchy: number; path: string }[] {
  const path = `${shape.cgroupParent}/${shape.id}`;
  const all = [{ hierarchy: 0, path }];
  if (shape.memoryHierarchy) all.push({ hierarchy: shape.memoryHierarchy, path });
  return all;
}

function addHostBefore(plan: PlanWriter, shape: Shape): void {
  for (const { hierarchy, path } of cgroups(shape)) {
    plan.add(1, phase.before, [1, new Bytes().u8(hierarchy).str(path)]);
    if (hierarchy > 0 && shape.memory !== undefined) {
      const value = new Bytes().u8(hierarchy).str(path);
      plan.add(2, phase.before, value.str('memory.limit_in_bytes').str(shape.memory));
    }
  }
  for (const { hierarchy, path } of cgroups(shape))
    plan.add(4, phase.before, new Bytes().u8(hierarchy).str(path));
  const { mount, cgroup, uts, ipc, user, pid, network } = cloneFlags;
  let flags = mount | cgroup | uts | ipc | pid;
  if (shape.user !== false) flags |= user;
  if (shape.network !== false) flags |= network;
  plan.add(5, phase.before, new Bytes().u64(flags));
  if (shape.user === false) return;
  const range = new Bytes().u32(1).u32(0).u32(1_000_000).u32(65_536).done();
  plan.add(7, phase.before, new Bytes().raw(range).raw(range));
}

function addHostAfter(plan: PlanWriter, shape: Shape): void {
  const overlay = new Bytes().u8(0).strings(['image']);
  if (shape.upper) overlay.str(`upper/${shape.id}/diff`).str(`upper/${shape.id}/work`);
  else overlay.str('').str('');
  const idmapped = shape.user === false ? 0 : 1;
  plan.add(8, phase.after, overlay.u64(0).u8(idmapped).u8(0).u64(0));
  const shared = (name: string, target: string): Bytes =>
    new Bytes().u8(2).str(name).str(target).u64(0).u8(0).u8(0);
  plan.add(9, phase.after, shared('dev', '/dev'));
  for (const { source, target } of shape.binds ?? []) {
    const bind = new Bytes().u8(0).str(source).str(target).u64(readOnly).u8(0).u8(0);
    plan.add(9, phase.after, [1, bind]);
  }
}

function addChild(plan: PlanWriter, shape: Shape): void {
  const mount = (name: string, target: string): Bytes =>
    new Bytes().str(name).str(name).str(target).u64(hardened).u8(0).u32(0);
  plan.add(12, phase.child, mount('proc', '/proc'));
  plan.add(16, phase.child, new Bytes().str(shape.id).str(''));
  if (shape.network !== false) plan.add(17, phase.child, new Bytes());
  plan.add(19, phase.child, new Bytes().u32(0).u32(0).u32(0).u32(0o22));
  const caps = 0xa80425fb;
  plan.add(20, phase.child, new Bytes().u64(caps).u64(caps).u64(caps).u64(0).u64(0));
  plan.add(23, phase.child, new Bytes().strings(['PATH=/bin']));
  plan.add(24, phase.child, new Bytes().str('/'));
  const program = shape.program ?? '/bin/init';
  plan.add(25, phase.child, new Bytes().strings([program]).strings(shape.argv));
}

/** The launch plan of a container of the test image, with all namespaces. */
export function launchPlan(shape: Shape): Buffer {
  const plan = new PlanWriter();
  addHostBefore(plan, shape);
  addHostAfter(plan, shape);
  addChild(plan, shape);
  for (const { hierarchy, path } of cgroups(shape))
    plan.add(26, phase.cleanup, new Bytes().u8(hierarchy).str(path));
  return plan.done();
}

/** The plan of a process in a container that {@link launchPlan} started. */
export function execPlan(shape: Shape, argv: readonly string[]): Buffer {
  const plan = new PlanWriter();
  for (const { hierarchy, path } of cgroups(shape))
    plan.add(4, phase.before, new Bytes().u8(hierarchy).str(path));
  plan.add(5, phase.before, new Bytes().u64(0));
  plan.add(19, phase.child, new Bytes().u32(0).u32(0).u32(0).u32(0o22));
  const caps = 0xa80425fb;
  plan.add(20, phase.child, new Bytes().u64(caps).u64(caps).u64(caps).u64(0).u64(0));
  plan.add(23, phase.child, new Bytes().strings(['PATH=/bin']));
  plan.add(24, phase.child, new Bytes().str('/'));
  plan.add(25, phase.child, new Bytes().strings(['/bin/init']).strings(argv));
  return plan.done();
}

/** The supervise section of the same container. */
export function superviseOf(shape: Shape): Buffer {
  const out = new Bytes().str(shape.id).u64(1);
  const all = cgroups(shape);
  out.u32(all.length);
  for (const { hierarchy, path } of all) out.u8(hierarchy).str(path);
  const host = shape.user === false ? 0 : 1_000_000;
  out
    .u8(0)
    .u8(shape.stdin ? 1 : 0)
    .u8(0)
    .u32(host)
    .u32(host);
  out
    .u8(shape.log === undefined ? 0 : 1)
    .str(shape.log ?? '')
    .u64(0)
    .u32(0);
  out.u32(15).u64(2000);
  out.u64(shape.ttlMs ?? 0).u64(0);
  out
    .u8(shape.restart?.policy ?? 0)
    .u32(shape.restart?.retries ?? 0)
    .u32(0);
  out.u64(0).u64(0).u32(0).u64(0).u64(0).bytes(Buffer.alloc(0));
  return out.u8(0).done();
}
