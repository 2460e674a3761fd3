// Where the near ends of veth pairs are: in a namespace of their own (the router), or among the host's links.
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { rounded, timed } from './figures.mjs';

async function namespace() {
  const holder = spawn('unshare', ['--net', 'sh', '-c', 'echo ready; exec cat'], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  await once(holder.stdout, 'data');
  return {
    pid: holder.pid,
    end: async () => {
      holder.kill();
      await once(holder, 'exit');
    },
  };
}

function batch(enter, lines) {
  const [file, ...args] = [...enter, 'ip', '-batch', '-'];
  execFileSync(file, args, { input: lines.join('\n') });
}

/** `isRouter`: near ends are in a namespace that is dropped at the end; else in this one, the host's, where each is deleted. */
async function measureOnce(count, isRouter) {
  const far = await namespace();
  const router = isRouter ? await namespace() : null;
  const enter = router === null ? [] : ['nsenter', `--net=/proc/${router.pid}/ns/net`];
  const numbers = Array.from({ length: count }, (_, index) => index);
  const create = numbers.map(
    (number) => `link add we${number} up type veth peer name e${number} netns ${far.pid}`,
  );
  const makeMs = (await timed(async () => batch(enter, create))).ms;
  const listMs = (await timed(async () => execFileSync('ip', ['link'], { maxBuffer: 2 ** 28 }))).ms;
  const dropMs = (
    await timed(async () => {
      if (router !== null) await router.end();
      else
        batch(
          enter,
          numbers.slice(0, Math.min(count, 100)).map((number) => `link del we${number}`),
        );
    })
  ).ms;
  await far.end();
  // Links that are not deleted go with the namespace of their other ends, behind its end.
  if (!isRouter) await gone();
  const deleted = router === null ? Math.min(count, 100) : count;
  return {
    perSecond: rounded((count * 1000) / makeMs, 0),
    listMs: rounded(listMs, 1),
    msForEachRemoved: rounded(dropMs / deleted, 3),
  };
}

async function gone() {
  while (
    execFileSync('ip', ['-o', 'link'], { encoding: 'utf8', maxBuffer: 2 ** 28 }).includes(': we')
  )
    await new Promise((resolve) => setTimeout(resolve, 100));
}

export async function measureEnds({ counts, rounds, tell, signal }) {
  const found = [];
  for (const count of counts) {
    for (let round = 1; round <= rounds; round += 1) {
      for (const isRouter of [true, false]) {
        signal.throwIfAborted();
        const figures = await measureOnce(count, isRouter);
        found.push({ place: isRouter ? 'router' : 'host', count, round, ...figures });
        tell(`ends in the ${isRouter ? 'router' : 'host'}, ${count}: ${figures.perSecond}/s`);
      }
    }
  }
  return found;
}
