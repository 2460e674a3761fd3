import { randomFillSync } from 'node:crypto';

const poolBytes = 16_384;
const pool = Buffer.alloc(poolBytes);
let used = poolBytes;

function randomBytes(count: number): Buffer {
  if (used + count > poolBytes) {
    randomFillSync(pool);
    used = 0;
  }
  used += count;
  return pool.subarray(used - count, used);
}

/** A new id: 64 lower-case hex digits, from the system's random source. */
export function newId(): string {
  return randomBytes(32).toString('hex');
}

export function isId(text: string): boolean {
  return /^[0-9a-f]{64}$/.test(text);
}

/** Could be the beginning of an id. */
export function isIdPrefix(text: string): boolean {
  return /^[0-9a-f]{1,64}$/.test(text);
}

/** As people see it: the first 12 digits, without `sha256:`. */
export function shortId(id: string): string {
  return id.replace(/^sha256:/, '').slice(0, 12);
}

const adjectives =
  'able amber ample avid bold brave brief bright brisk calm candid civil clear clever cosy crisp curious deft eager early easy even fair fast fine firm fleet fond frank free fresh frugal gentle glad good grand great happy hardy hearty honest humble jolly keen kind lively loyal lucid lucky mellow merry mild modest neat nimble noble patient placid plain polite prime prompt proud pure quick quiet rapid ready sage serene sharp smart snug sober solid sound spry stable steady stoic strong sturdy subtle sunny swift tidy trim trusty upbeat valiant vivid warm wise witty zesty'.split(
    ' ',
  );

const surnames =
  'allen antonelli babbage backus bartik bell blackwell boole borg carson cerf chandra church clarke codd cray curie dahl darwin dijkstra easley engelbart euler faraday feynman floyd franklin galileo gauss germain goldberg hamilton hamming hoare holberton hopper jennings johnson kahn karp keldysh kepler keller kernighan khorana knuth lamarr lamport leibniz liskov lovelace maxwell mayer mccarthy meitner mendel milner minsky moore naur newell newton noether nygaard pascal perlis perlman postel rabin ritchie rubin sammet shannon shaw spence sutherland tarjan thompson torvalds turing wescoff wiener wilkes wing wirth wright'.split(
    ' ',
  );

/** A name nobody had to think of: `brave_hopper`. Not unique: append `suffix` after a collision. */
export function generateName(suffix = ''): string {
  const bytes = randomBytes(4);
  const adjective = adjectives[bytes.readUInt16LE(0) % adjectives.length] ?? '';
  const surname = surnames[bytes.readUInt16LE(2) % surnames.length] ?? '';
  return `${adjective}_${surname}${suffix}`;
}
