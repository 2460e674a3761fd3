import { BinaryWriter } from '../../../../../src/base/binary.js';
import { createLinuxHost } from '../../../../../src/host/linux/linux-host.js';
import type { Host, Keeper, LaunchRequest } from '../../../../../src/host/port.js';
import { ScriptedKeeper, writeExit, type Script, type ScriptedClient } from './scripted-keeper.js';

export const open: { keeper?: ScriptedKeeper; host?: Host } = {};

export async function connect(script: Script, protocol?: number): Promise<Keeper> {
  open.keeper = await ScriptedKeeper.listen(script, protocol);
  open.host = createLinuxHost({
    runDir: open.keeper.directory,
    dataRoot: '/nowhere',
    cgroupParent: 'nothing',
    keeperPath: '/bin/false',
  });
  return open.host.keeper(0);
}

/** For afterEach. */
export async function closeAll(): Promise<void> {
  await open.host?.close();
  await open.keeper?.close();
  delete open.host;
  delete open.keeper;
}

function supervise(id: string): Uint8Array {
  return new BinaryWriter().str(id).toBytes();
}

export function launchRequest(id: string = 'abc'): LaunchRequest {
  return { supervise: supervise(id), plan: new Uint8Array(10), fence: 0n };
}

export const exec: { readonly container: string; readonly plan: Uint8Array } = {
  container: 'abc',
  plan: new Uint8Array(4),
};

export function sendLaunched(client: ScriptedClient, request: bigint, pid: number = 77): void {
  client.reply(request, 67, (writer) => {
    writer.u32(pid).u64(3_500_000).u32(1).u8(1).str('nofile').u64(1000).u64(500).u32(4);
    for (const time of [1, 2, 3, 4]) writer.u32(time);
  });
}

export function sendExit(client: ScriptedClient, request: bigint, code: number = 0): void {
  client.reply(request, 68, (writer) => {
    writer.str('abc');
    writeExit(writer, code);
  });
}
