import { constants } from 'node:os';
import { buffer } from 'node:stream/consumers';
import { afterEach, describe, expect, test } from 'vitest';
import { closeAll, connect, exec, open, sendExit, sendLaunched } from './conversation.js';
import { sendError, type ScriptedClient } from './scripted-keeper.js';

const window = 262_144;
const { ECANCELED } = constants.errno;

afterEach(closeAll);

describe('an exec', () => {
  test('asks the keeper to discard what nobody reads', async () => {
    const flags: number[] = [];
    const keeper = await connect((frame, client) => {
      flags.push(frame.payload.u32());
      sendLaunched(client, frame.request);
      sendExit(client, frame.request);
    });
    await keeper.exec({ ...exec, streams: {} });
    await keeper.exec({ ...exec, streams: { stdout: true, stderr: true, stdin: true } });
    await keeper.exec({ ...exec, streams: { stdout: true }, terminal: { columns: 80, rows: 24 } });
    expect(flags).toEqual([16, 7, 2]);
  });

  test('grants credit only for what was read', async () => {
    const credits: number[] = [];
    let all = 0;
    const total = 2 * window;
    const keeper = await connect((frame, client) => {
      const send = (bytes: number): void => {
        for (let sent = 0; sent < bytes; sent += 32_768) {
          const size = Math.min(32_768, bytes - sent);
          client.reply(frame.request, 71, (writer) => writer.u8(1).bytes(Buffer.alloc(size, 'x')));
          all += size;
        }
      };
      if (frame.type === 3) {
        sendLaunched(client, frame.request);
        send(window);
      }
      if (frame.type === 22) {
        expect(frame.payload.u8()).toBe(1);
        const granted = frame.payload.u32();
        credits.push(granted);
        send(Math.min(granted, total - all));
        if (all === total) sendExit(client, frame.request);
      }
    });
    const { stdout, exit } = await keeper.exec({
      ...exec,
      streams: { stdout: true, stderr: true },
    });
    await new Promise((resolve) => setTimeout(resolve, 50));
    // Nobody reads: only what the stream itself buffers may have been granted.
    expect(credits.reduce((sum, bytes) => sum + bytes, 0)).toBeLessThanOrEqual(65_536);
    const content = await buffer(stdout as NodeJS.ReadableStream);
    expect(content.length).toBe(total);
    await expect(exit).resolves.toMatchObject({ code: 0 });
  });

  test('sends input only after the start and within the credit', async () => {
    let received = 0;
    let started = false;
    let request = 0n;
    let client: ScriptedClient | undefined;
    let ended = false;
    const keeper = await connect((frame, from) => {
      if (frame.type === 3) {
        request = frame.request;
        client = from;
        setTimeout(() => {
          started = true;
          sendLaunched(from, frame.request);
        }, 20);
      }
      if (frame.type === 20) {
        expect(started).toBe(true);
        expect(frame.payload.u8()).toBe(0);
        received += frame.payload.bytes().length;
      }
      if (frame.type === 21) {
        ended = true;
        sendExit(from, frame.request);
      }
    });
    const running = await keeper.exec({ ...exec, streams: { stdin: true } });
    running.stdin?.write(Buffer.alloc(window * 2));
    running.stdin?.end();
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(received).toBe(window);
    expect(ended).toBe(false);
    client?.reply(request, 73, (writer) => writer.u8(0).u32(window));
    await running.exit;
    expect(received).toBe(window * 2);
    expect(ended).toBe(true);
  });

  test('throws input away after the end of the process', async () => {
    const keeper = await connect((frame, client) => {
      if (frame.type !== 3) return;
      sendLaunched(client, frame.request);
      sendExit(client, frame.request);
    });
    const running = await keeper.exec({ ...exec, streams: { stdin: true } });
    await running.exit;
    running.stdin?.on('error', () => undefined);
    running.stdin?.write('late');
    running.stdin?.end();
  });

  test('goes on reading for a caller who has gone away', async () => {
    let granted = 0;
    const keeper = await connect((frame, client) => {
      if (frame.type === 3) {
        sendLaunched(client, frame.request);
        client.reply(frame.request, 71, (writer) => writer.u8(1).bytes(Buffer.alloc(100_000)));
      }
      if (frame.type === 22) {
        frame.payload.u8();
        granted += frame.payload.u32();
        if (granted === 100_000) sendExit(client, frame.request);
      }
    });
    const running = await keeper.exec({ ...exec, streams: { stdout: true } });
    await running.detach();
    await expect(running.exit).resolves.toMatchObject({ code: 0 });
  });

  test('is cancelled by its signal', async () => {
    let request = 0n;
    const keeper = await connect((frame, client) => {
      if (frame.type === 3) request = frame.request;
      if (frame.type !== 19) return;
      expect(frame.payload.u64()).toBe(request);
      sendError(client, request, { errno: ECANCELED, message: 'finish the request' });
      client.reply(frame.request, 64);
    });
    const controller = new AbortController();
    const running = keeper.exec({ ...exec, streams: {}, signal: controller.signal });
    setTimeout(() => {
      controller.abort();
    }, 20);
    await expect(running).rejects.toMatchObject({ kind: 'canceled' });
    await expect(
      keeper.exec({ ...exec, streams: {}, signal: AbortSignal.abort() }),
    ).rejects.toMatchObject({ kind: 'canceled' });
  });

  test('signals and resizes itself by its request', async () => {
    const seen: unknown[] = [];
    const keeper = await connect((frame, client) => {
      const { payload } = frame;
      if (frame.type === 3) sendLaunched(client, frame.request);
      if (frame.type === 4) seen.push([payload.str(), payload.i32(), payload.u8(), payload.u64()]);
      if (frame.type === 11)
        seen.push([payload.u64(), payload.str(), payload.u16(), payload.u16()]);
      if (frame.type !== 3) client.reply(frame.request, 64);
    });
    const running = await keeper.exec({ ...exec, streams: {} });
    await running.kill(15);
    await running.resize({ columns: 100, rows: 50 });
    const id = open.keeper?.received[0]?.request;
    expect(seen).toEqual([
      ['abc', 15, 2, id],
      [id, 'abc', 100, 50],
    ]);
  });
});

describe('a round trip', () => {
  test('of an exec is one request, and as many may run on one connection as are asked for', async () => {
    const keeper = await connect((frame, client) => {
      sendLaunched(client, frame.request);
      client.reply(frame.request, 71, (writer) => writer.u8(1).bytes(Buffer.from('x')));
      sendExit(client, frame.request);
    });
    const count = 300;
    const outputs = await Promise.all(
      Array.from({ length: count }, async () => {
        const running = await keeper.exec({ ...exec, streams: { stdout: true, stderr: true } });
        const [stdout] = await Promise.all([
          buffer(running.stdout as NodeJS.ReadableStream),
          buffer(running.stderr as NodeJS.ReadableStream),
          running.exit,
        ]);
        return stdout.toString();
      }),
    );
    expect(outputs).toEqual(Array<string>(count).fill('x'));
    expect(open.keeper?.received.map(({ type }) => type)).toEqual(Array<number>(count).fill(3));
  });
});
