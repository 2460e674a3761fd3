import { constants } from 'node:os';
import { text } from 'node:stream/consumers';
import { afterEach, describe, expect, test } from 'vitest';
import { BinaryWriter } from '../../../../../src/base/binary.js';
import { closeAll, connect, launchRequest, open, sendExit, sendLaunched } from './conversation.js';
import { sendError, writeExit, type Received, type ScriptedClient } from './scripted-keeper.js';

const { ENOENT, ESRCH, ECANCELED, EBUSY, ETIMEDOUT } = constants.errno;

afterEach(closeAll);

describe('a connection', () => {
  test('tells who is on the other side', async () => {
    const keeper = await connect(() => undefined);
    expect(keeper).toMatchObject({ instance: 0, version: '9.9.9', pid: 42, bootId: 'boot' });
  });

  test('matches answers in any order to their requests', async () => {
    const waiting: Received[] = [];
    const keeper = await connect((frame, client) => {
      waiting.push(frame);
      if (waiting.length < 3) return;
      for (const { request, payload } of waiting.reverse()) {
        const code = Number(payload.str());
        sendExit(client, request, code);
      }
    });
    const exits = await Promise.all(
      ['1', '2', '3'].map((id) => keeper.containers.wait(id, 'next-exit')),
    );
    expect(exits.map(({ code }) => code)).toEqual([1, 2, 3]);
  });

  test('sends thousands of launches in few writes', async () => {
    const keeper = await connect((frame, client) => {
      sendLaunched(client, frame.request);
    });
    const launched = await Promise.all(
      Array.from({ length: 2000 }, () => keeper.launch(launchRequest())),
    );
    expect(launched).toHaveLength(2000);
    expect(open.keeper?.received).toHaveLength(2000);
    expect(open.keeper?.reads).toBeLessThan(200);
  });

  test('opens no more requests than the keeper allows', async () => {
    const unanswered: { frame: Received; client: ScriptedClient }[] = [];
    let most = 0;
    const keeper = await connect((frame, client) => {
      unanswered.push({ frame, client });
      most = Math.max(most, unanswered.length);
      if (unanswered.length === 16_000)
        for (const one of unanswered.splice(0)) sendExit(one.client, one.frame.request);
    });
    const waits = Array.from({ length: 20_000 }, () => keeper.containers.wait('abc', 'next-exit'));
    while (open.keeper !== undefined && open.keeper.received.length < 20_000)
      await new Promise((resolve) => setImmediate(resolve));
    for (const one of unanswered.splice(0)) sendExit(one.client, one.frame.request);
    await Promise.all(waits);
    expect(most).toBe(16_000);
  });

  test('that ends fails what may not be done twice and is made again for the next', async () => {
    const keeper = await connect((frame, client) => {
      if (frame.type === 23)
        client.reply(frame.request, 75, (w) => {
          w.u32(1).u32(1).u32(1).u32(1).u32(1).u32(1).u64(1).u64(1).u64(1).u32(1);
        });
    });
    const waits = [
      keeper.containers.wait('a', 'next-exit'),
      keeper.launch(launchRequest()),
      keeper.containers.signal('b', 15, 'init'),
    ];
    while (open.keeper?.received.length !== 3)
      await new Promise((resolve) => setImmediate(resolve));
    const ends = Promise.allSettled(waits);
    open.keeper.dropClients();
    for (const end of await ends)
      expect(end).toMatchObject({ reason: { kind: 'unavailable', code: 'KEEPER_GONE' } });
    await expect(keeper.control.status()).resolves.toMatchObject({ running: 1 });
  });

  test('that ends makes requests again that do no harm twice, but not for ever', async () => {
    let dropped = 0;
    const keeper = await connect((frame, client) => {
      if (frame.type === 23 && dropped === 2)
        client.reply(frame.request, 75, (w) => {
          w.u32(1).u32(1).u32(1).u32(1).u32(1).u32(1).u64(1).u64(1).u64(1).u32(1);
        });
      else {
        dropped += 1;
        open.keeper?.dropClients();
      }
    });
    await expect(keeper.control.status()).resolves.toMatchObject({ running: 1 });
    expect(dropped).toBe(2);
    await expect(keeper.containers.list()).rejects.toMatchObject({ code: 'KEEPER_GONE' });
    expect(dropped).toBeLessThan(8);
  });

  test('takes frames that come in pieces', async () => {
    const keeper = await connect((frame, client) => {
      const body = new BinaryWriter();
      body.str('abc');
      writeExit(body, 9);
      const bytes = Buffer.alloc(16 + body.length);
      bytes.writeUInt32LE(bytes.length, 0);
      bytes.writeUInt16LE(68, 4);
      bytes.writeBigUInt64LE(frame.request, 8);
      body.toBytes().copy(bytes, 16);
      const pieces = [...bytes].map((_, index) => bytes.subarray(index, index + 1));
      const next = (): void => {
        const piece = pieces.shift();
        if (piece === undefined) return;
        client.raw(piece);
        setImmediate(next);
      };
      next();
    });
    await expect(keeper.containers.wait('abc', 'next-exit')).resolves.toMatchObject({ code: 9 });
  });

  test.each([
    ['a frame that is too short', Buffer.from([8, 0, 0, 0, 64, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0])],
    [
      'a frame that is too long',
      Buffer.from([255, 255, 255, 255, 64, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0]),
    ],
  ])('ends on %s', async (_, bytes) => {
    const keeper = await connect((_frame, client) => {
      client.raw(bytes);
    });
    await expect(keeper.containers.wait('abc', 'next-exit')).rejects.toMatchObject({
      kind: 'corrupt',
    });
  });

  test('ends on a reply that does not decode', async () => {
    const keeper = await connect((frame, client) => {
      client.reply(frame.request, 68, (writer) => writer.u32(1000));
    });
    await expect(keeper.containers.wait('abc', 'next-exit')).rejects.toMatchObject({
      kind: 'corrupt',
    });
  });
});

describe('a launch', () => {
  test('resolves with pid, start, clamps and times', async () => {
    const keeper = await connect((frame, client) => {
      expect(frame.payload.u32()).toBe(0);
      expect(frame.payload.u64()).toBe(0n);
      sendLaunched(client, frame.request);
    });
    const launched = await keeper.launch(launchRequest());
    expect(launched).toMatchObject({
      pid: 77,
      startedAtMs: 3,
      clamps: [{ kind: 'rlimit', name: 'nofile', wanted: 1000, given: 500 }],
      phaseTimesNs: [1, 2, 3, 4],
      stdin: null,
    });
  });

  test('that fails says what, where and why', async () => {
    const keeper = await connect((frame, client) => {
      sendError(client, frame.request, {
        errno: ENOENT,
        phase: 2,
        index: 7,
        operation: 9,
        path: '/srv/data',
        message: 'open bind source',
      });
    });
    await expect(keeper.launch(launchRequest('web'))).rejects.toMatchObject({
      kind: 'notFound',
      code: 'MOUNT_SOURCE_MISSING',
      message: 'Cannot start container web: open bind source /srv/data: No such file or directory',
      details: {
        operation: 'BIND',
        phase: 'host-after',
        errno: 'ENOENT',
        path: '/srv/data',
        object: 'web',
      },
    });
  });

  test('carries streams until the exit', async () => {
    const keeper = await connect((frame, client) => {
      if (frame.type !== 2) return;
      expect(frame.payload.u32()).toBe(2 | 8);
      sendLaunched(client, frame.request);
      client.reply(frame.request, 71, (writer) => writer.u8(1).bytes(Buffer.from('hello')));
      client.reply(frame.request, 72, (writer) => writer.u8(1));
      sendExit(client, frame.request, 3);
    });
    const launched = await keeper.launch({
      ...launchRequest(),
      streams: { stdout: true },
      ownerBound: true,
    });
    await expect(text(launched.stdout as NodeJS.ReadableStream)).resolves.toBe('hello');
    await expect(launched.exit).resolves.toMatchObject({
      how: 'exited',
      code: 3,
      startedAtMs: 1000,
      finishedAtMs: 2000,
    });
  });
});

describe('operations on containers', () => {
  test('say so when the keeper does not know the container, or it does not run', async () => {
    const keeper = await connect((frame, client) => {
      const id = frame.payload.str();
      sendError(client, frame.request, {
        errno: id === 'gone' ? ENOENT : ESRCH,
        message: 'signal container',
        path: id,
      });
    });
    await expect(keeper.containers.signal('gone', 9, 'all')).rejects.toMatchObject({
      kind: 'notFound',
      code: 'NOT_SUPERVISED',
    });
    await expect(keeper.containers.signal('idle', 9, 'all')).rejects.toMatchObject({
      kind: 'conflict',
      code: 'NOT_RUNNING',
    });
  });

  test.each([
    { protocol: 5, refused: false, types: [27] },
    { protocol: 5, refused: true, types: [27, 26] },
    { protocol: 4, refused: false, types: [26] },
  ])(
    'kill forty by one request, to protocol $protocol, refused: $refused',
    async ({ protocol, refused, types }) => {
      const keeper = await connect(({ type, request }, client) => {
        if (refused && type === 27) {
          sendError(client, request, {
            errno: EBUSY,
            message: 'kill all containers',
            path: 'group',
          });
          return;
        }
        // The answer for the last one is missing.
        client.reply(request, 76, (writer) => {
          writer.u32(39);
          for (let index = 0; index < 39; index += 1) writer.i32(index === 1 ? ESRCH : 0);
        });
      }, protocol);
      const kills = await Promise.allSettled(
        Array.from({ length: 40 }, async (_, index) =>
          keeper.containers.signal(`c${index}`, 9, 'all'),
        ),
      );
      expect(open.keeper?.received.map(({ type }) => type)).toEqual(types);
      const failed = kills.flatMap(({ status }, index) => (status === 'rejected' ? [index] : []));
      expect(failed).toEqual([1, 39]);
    },
  );

  test('list in chunks', async () => {
    const keeper = await connect((frame, client) => {
      for (const [index, id] of ['a', 'b', 'c'].entries()) {
        client.reply(frame.request, 69, (writer) => {
          writer
            .bool(index < 2)
            .u32(1)
            .str(id)
            .u8(2)
            .u32(7)
            .u64(1_000_000);
          writeExit(writer, 0, 0);
          writer.u32(0).u8(2).u32(0).u64(3).u64(0);
        });
      }
    });
    const states = await keeper.containers.list();
    expect(states.map(({ container }) => container)).toEqual(['a', 'b', 'c']);
    expect(states[0]).toMatchObject({
      status: 'running',
      pid: 7,
      health: 'healthy',
      generation: 3,
      startedAtMs: 1,
    });
  });

  test('wait until they are cancelled', async () => {
    const keeper = await connect((frame, client) => {
      if (frame.type !== 19) return;
      sendError(client, frame.payload.u64(), { errno: ECANCELED });
      client.reply(frame.request, 64);
    });
    const wait = keeper.containers.wait('abc', 'next-exit', AbortSignal.timeout(20));
    await expect(wait).rejects.toMatchObject({ kind: 'timedOut' });
  });

  test('refuse to end a keeper whose containers run', async () => {
    const keeper = await connect((frame, client) => {
      sendError(client, frame.request, {
        errno: EBUSY,
        message: 'end the keeper while containers run',
      });
    });
    await expect(keeper.control.shutdown(false)).rejects.toMatchObject({
      kind: 'conflict',
      code: 'KEEPER_BUSY',
    });
  });
});

describe('locks', () => {
  test('carry a fence and are released once', async () => {
    const keeper = await connect((frame, client) => {
      if (frame.type === 12) client.reply(frame.request, 74, (writer) => writer.u64(5n));
      if (frame.type === 13) {
        expect(frame.payload.u64()).toBe(5n);
        client.reply(frame.request, 64);
      }
    });
    const lock = await keeper.lock('container:abc', { operation: 'start', timeoutMs: 100 });
    expect(lock.fence).toBe(5n);
    await lock.release();
  });

  test('that are held tell by whom', async () => {
    const keeper = await connect((frame, client) => {
      sendError(client, frame.request, {
        errno: ETIMEDOUT,
        path: 'container:abc',
        message: 'wait for pid 7 (stop)',
      });
    });
    await expect(
      keeper.lock('container:abc', { operation: 'start', timeoutMs: 1 }),
    ).rejects.toMatchObject({
      kind: 'timedOut',
      code: 'LOCK_TIMEOUT',
      message: expect.stringContaining('pid 7 (stop)') as string,
    });
  });

  test('are released when their connection has ended', async () => {
    const keeper = await connect((frame, client) => {
      client.reply(frame.request, 74, (writer) => writer.u64(1n));
    });
    const lock = await keeper.lock('x', { operation: 'o', timeoutMs: 1 });
    open.keeper?.dropClients();
    await expect(lock.release()).resolves.toBeUndefined();
  });
});

describe('events', () => {
  function sendEvent(client: ScriptedClient, request: bigint, kind: number): void {
    client.reply(request, 70, (writer) => {
      writer.u16(kind).u64(5_000_000).str('abc').u32(9);
      writeExit(writer, 0, 0);
      writer.str('detail');
    });
  }

  test('come until the signal fires', async () => {
    const keeper = await connect((frame, client) => {
      if (frame.type === 9) {
        client.reply(frame.request, 64);
        for (const kind of [1, 999, 2]) sendEvent(client, frame.request, kind);
      }
      if (frame.type === 19) client.reply(frame.request, 64);
    });
    const controller = new AbortController();
    const kinds: string[] = [];
    for await (const event of keeper.events({ signal: controller.signal })) {
      kinds.push(event.kind);
      if (kinds.length === 2) controller.abort();
    }
    expect(kinds).toEqual(['started', 'exited']);
  });

  test('end with an error when the connection does', async () => {
    const keeper = await connect((frame, client) => {
      client.reply(frame.request, 64);
      client.end();
    });
    const read = async (): Promise<void> => {
      for await (const _ of keeper.events()) expect.unreachable();
    };
    await expect(read()).rejects.toMatchObject({ code: 'KEEPER_GONE' });
  });
});
