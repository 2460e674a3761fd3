import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { Engine } from '../../../src/engine/engine.js';
import { openTestEngine, type TestEngine } from '../../fixtures/engine.js';
import { TestRegistry } from '../../fixtures/registry/registry.js';
import { TokenServer } from '../../fixtures/registry/token-server.js';
import { describeAsRoot } from '../../privileges.js';

const user = { name: 'someone', password: 'secret:with:colons' };

function folder(source: TestEngine, name: string): string {
  const path = join(source.scope.directory, name);
  mkdirSync(path);
  return path;
}

describeAsRoot('a registry with users and TLS', () => {
  test('refuses strangers, takes a login, and forgets it with a logout', async () => {
    await using source = await openTestEngine();
    const dockerConfig = folder(source, 'docker');
    const directory = folder(source, 'private');
    await using registry = await TestRegistry.start({ directory, user, tls: true });
    const registries = join(source.scope.directory, 'registries.json');
    await using untrusting = await Engine.open({ ...source.options, dockerConfig, registries });
    const name = `${registry.host}/private/app:v1`;
    await source.engine.images.buildBase('tiny');
    await source.engine.images.tag('tiny', name);
    // Loopback may be plain, but this one is not, and nobody vouches for it.
    await expect(untrusting.images.push(name)).rejects.toMatchObject({ kind: 'unavailable' });
    const ca = { registries: { [registry.host]: { ca: registry.authority } } };
    writeFileSync(registries, JSON.stringify(ca));
    await using engine = await Engine.open({ ...source.options, dockerConfig, registries });
    await expect(engine.images.push(name)).rejects.toMatchObject({ code: 'REGISTRY_UNAUTHORIZED' });
    const wrong = { username: user.name, password: 'wrong' };
    await expect(engine.registries.login(registry.host, wrong)).rejects.toMatchObject({
      code: 'REGISTRY_UNAUTHORIZED',
    });
    const { kept } = await engine.registries.login(registry.host, {
      username: user.name,
      password: user.password,
    });
    expect(kept).toBe(join(dockerConfig, 'config.json'));
    expect(statSync(kept).mode & 0o777).toBe(0o600);
    await engine.images.push(name);
    await engine.images.pull(name);
    expect(await engine.registries.logout(registry.host)).toBe(true);
    expect(await engine.registries.logout(registry.host)).toBe(false);
    await expect(engine.images.pull(name)).rejects.toMatchObject({ code: 'REGISTRY_UNAUTHORIZED' });
    const credentials = { username: user.name, password: user.password };
    await engine.images.pull(name, { credentials });
  });

  test('is passed over for a mirror that has the image, and blocked when the file says so', async () => {
    await using source = await openTestEngine();
    const registries = join(source.scope.directory, 'registries.json');
    await using mirror = await TestRegistry.start({ directory: folder(source, 'mirror') });
    await source.engine.images.buildBase('tiny');
    await source.engine.images.tag('tiny', `${mirror.host}/library/tiny:v1`);
    await source.engine.images.push(`${mirror.host}/library/tiny:v1`);
    const content = {
      registries: {
        'docker.io': { mirrors: [`http://${mirror.host}`] },
        'blocked.test': { blocked: true },
      },
    };
    writeFileSync(registries, JSON.stringify(content));
    await using engine = await Engine.open({ ...source.options, registries });
    const pulled = await engine.images.pull('tiny:v1');
    expect(pulled.reference).toBe('tiny:v1');
    await expect(engine.images.pull('blocked.test/app')).rejects.toMatchObject({
      code: 'REGISTRY_BLOCKED',
    });
  });
});

describeAsRoot('a registry that wants tokens', () => {
  const refreshToken = 'refreshing';

  test('gets them by name, by identity token and without either, for what each may do', async () => {
    await using source = await openTestEngine();
    const tokenUser = { ...user, refreshToken };
    await using tokens = await TokenServer.start(join(source.scope.directory, 'tokens'), tokenUser);
    const directory = folder(source, 'registry');
    await using registry = await TestRegistry.start({ directory, tokens: tokens.trust });
    const dockerConfig = folder(source, 'docker');
    await using engine = await Engine.open({ ...source.options, dockerConfig });
    const [open, closed] = ['public', 'private'].map((each) => `${registry.host}/${each}/app:v1`);
    if (open === undefined || closed === undefined) throw new Error('There are two');
    await engine.images.buildBase('tiny');
    for (const name of [open, closed]) await engine.images.tag('tiny', name);
    // Nobody may push, and a wrong password is told from none.
    await expect(engine.images.push(open)).rejects.toMatchObject({
      code: 'REGISTRY_UNAUTHORIZED',
    });
    await expect(
      engine.registries.login(registry.host, { username: user.name, password: 'wrong' }),
    ).rejects.toMatchObject({ code: 'REGISTRY_UNAUTHORIZED' });
    const credentials = { username: user.name, password: user.password };
    await engine.registries.login(registry.host, credentials);
    for (const name of [open, closed]) await engine.images.push(name);
    expect(new Set(tokens.asked)).toEqual(new Set(['GET nobody', 'GET wrong', 'GET someone']));
    await engine.registries.logout(registry.host);
    await engine.images.pull(open);
    await expect(engine.images.pull(closed)).rejects.toMatchObject({
      code: 'REGISTRY_UNAUTHORIZED',
    });
    const identity = { auths: { [registry.host]: { identitytoken: refreshToken } } };
    writeFileSync(join(dockerConfig, 'config.json'), JSON.stringify(identity));
    tokens.asked.length = 0;
    await engine.images.pull(closed);
    expect(tokens.asked).toEqual(['POST someone']);
  });
});

/** Keeps what it is told in the file that HELPED names, and says who asked for what. */
const helper = `#!/bin/sh
set -e
input=$(cat)
echo "$1 $input" | sed 's/"Secret":"[^"]*"/"Secret":"…"/' >>"$HELPED.log"
case $1 in
  store) printf %s "$input" >"$HELPED" ;;
  get) [ -e "$HELPED" ] && cat "$HELPED" || { echo "credentials not found in native keychain"; exit 1; } ;;
  erase) rm "$HELPED" ;;
esac
`;

describeAsRoot('a credential helper', () => {
  const { PATH } = process.env;

  afterEach(() => {
    process.env['PATH'] = PATH;
    delete process.env['HELPED'];
  });

  test('keeps, gives and forgets what a login needs, and no file has it', async () => {
    await using source = await openTestEngine();
    await using registry = await TestRegistry.start({ directory: folder(source, 'r'), user });
    const programs = folder(source, 'bin');
    const kept = join(source.scope.directory, 'kept');
    writeFileSync(join(programs, 'docker-credential-test'), helper, { mode: 0o755 });
    process.env['PATH'] = `${programs}${delimiter}${PATH ?? ''}`;
    process.env['HELPED'] = kept;
    const dockerConfig = folder(source, 'docker');
    const config = join(dockerConfig, 'config.json');
    writeFileSync(config, JSON.stringify({ credHelpers: { [registry.host]: 'test' } }));
    const before = readFileSync(config, 'utf8');
    await using engine = await Engine.open({ ...source.options, dockerConfig });
    const name = `${registry.host}/app:v1`;
    await engine.images.buildBase('tiny');
    await engine.images.tag('tiny', name);
    await expect(engine.images.push(name)).rejects.toMatchObject({ code: 'REGISTRY_UNAUTHORIZED' });
    const credentials = { username: user.name, password: user.password };
    const login = await engine.registries.login(registry.host, credentials);
    expect(login.kept).toBe('docker-credential-test');
    await engine.images.push(name);
    expect(await engine.registries.logout(registry.host)).toBe(true);
    expect(existsSync(kept)).toBe(false);
    await expect(engine.images.pull(name)).rejects.toMatchObject({ code: 'REGISTRY_UNAUTHORIZED' });
    const { host } = registry;
    const stored = `store {"ServerURL":"${host}","Username":"someone","Secret":"…"}`;
    const log = readFileSync(`${kept}.log`, 'utf8').trimEnd().split('\n');
    const calls = [`get ${host}`, stored, `get ${host}`, `get ${host}`, `erase ${host}`];
    expect(log).toEqual([...calls, `get ${host}`]);
    expect(readFileSync(config, 'utf8')).toBe(before);
  });

  test('that is missing, or fails, is told as what it is', async () => {
    await using source = await openTestEngine();
    await using registry = await TestRegistry.start({ directory: folder(source, 'r'), user });
    const programs = folder(source, 'bin');
    process.env['PATH'] = `${programs}${delimiter}${PATH ?? ''}`;
    const dockerConfig = folder(source, 'docker');
    writeFileSync(join(dockerConfig, 'config.json'), '{ "credsStore": "test" }');
    await using engine = await Engine.open({ ...source.options, dockerConfig });
    const name = `${registry.host}/app:v1`;
    await expect(engine.images.pull(name)).rejects.toThrow(
      'Cannot find the credential helper docker-credential-test',
    );
    const failing = '#!/bin/sh\necho the store is locked >&2\nexit 2\n';
    writeFileSync(join(programs, 'docker-credential-test'), failing, { mode: 0o755 });
    await expect(engine.images.pull(name)).rejects.toMatchObject({
      code: 'CREDENTIAL_HELPER_FAILED',
    });
    await expect(engine.images.pull(name)).rejects.toThrow('the store is locked');
  });
});
