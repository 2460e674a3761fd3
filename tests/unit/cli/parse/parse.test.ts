import { describe, expect, test } from 'vitest';
import { BadValue } from '../../../../src/cli/parse/value/bad-value.js';
import { booleanWord, choice } from '../../../../src/cli/parse/value/choice.js';
import { commaFields } from '../../../../src/cli/parse/value/comma-fields.js';
import * as device from '../../../../src/cli/parse/device.js';
import { parseDuration, parsePositiveDuration } from '../../../../src/cli/parse/value/duration.js';
import * as environment from '../../../../src/cli/parse/environment.js';
import * as namespace from '../../../../src/cli/parse/namespace.js';
import { integer, parseCpus, parseNumberList } from '../../../../src/cli/parse/value/number.js';
import { collectFilters, parseFilter, parseRestart } from '../../../../src/cli/parse/policy.js';
import * as security from '../../../../src/cli/parse/security.js';
import { parseSignal } from '../../../../src/cli/parse/value/signal.js';
import { parseSize, parseSizeOrUnlimited } from '../../../../src/cli/parse/value/size.js';
import { parseTime } from '../../../../src/cli/parse/value/time.js';
import { parseUlimit } from '../../../../src/cli/parse/ulimit.js';

describe('numbers, sizes and durations', () => {
  test.each([
    ['512m', 512 * 2 ** 20],
    ['1.5g', 1.5 * 2 ** 30],
    ['65536', 65_536],
    ['64MiB', 64 * 2 ** 20],
    ['10kb', 10_240],
    ['0', 0],
  ])('the size %s is %d bytes', (text, bytes) => {
    expect(parseSize(text)).toBe(bytes);
  });

  test.each(['', 'm', '-1', '1q', '1 2', 'NaN', '1e3', '9999999999999g'])(
    '%j is no size',
    (text) => {
      expect(() => parseSize(text)).toThrow(BadValue);
    },
  );

  test('-1 is a limit without end where there may be one', () => {
    expect(parseSizeOrUnlimited('-1')).toBe(-1);
  });

  test.each([
    ['1h30m', 5_400_000],
    ['1.5s', 1500],
    ['300ms', 300],
    ['0', 0],
    ['0s', 0],
    ['2m3s', 123_000],
  ])('the duration %s is %d ms', (text, ms) => {
    expect(parseDuration(text)).toBe(ms);
  });

  test.each(['', '5', '5x', 's', '-1s', '1s2'])('%j is no duration', (text) => {
    expect(() => parseDuration(text)).toThrow(BadValue);
  });

  test('zero is refused where a duration must pass', () => {
    expect(() => parsePositiveDuration('0s')).toThrow('longer than zero');
  });

  test('a time is a calendar time, seconds, or a duration before now', () => {
    expect(parseTime('2026-01-02T15:04:05Z')).toBe(Date.UTC(2026, 0, 2, 15, 4, 5));
    expect(parseTime('1700000000.5')).toBe(1_700_000_000_500);
    const before = Date.now();
    const time = parseTime('10m') + 600_000;
    expect(time).toBeGreaterThanOrEqual(before);
    expect(time).toBeLessThanOrEqual(Date.now());
    expect(() => parseTime('yesterday')).toThrow(BadValue);
  });

  test('a whole number must lie in its range', () => {
    const parse = integer({ min: 1, max: 10 });
    expect(parse('10')).toBe(10);
    for (const text of ['0', '11', '1.5', '', 'x', '1e1']) {
      expect(() => parse(text)).toThrow('a whole number, 1 to 10');
    }
  });

  test('a number of CPUs is above zero', () => {
    expect([parseCpus('0.5'), parseCpus('.5'), parseCpus('2')]).toEqual([0.5, 0.5, 2]);
    for (const text of ['0', '-1', 'two', '']) expect(() => parseCpus(text)).toThrow(BadValue);
  });

  test('a list of numbers has ranges that go up', () => {
    expect(parseNumberList('0-3,5')).toBe('0-3,5');
    for (const text of ['3-1', '1,', 'a', ''])
      expect(() => parseNumberList(text)).toThrow(BadValue);
  });
});

describe('words', () => {
  test('a choice names what there is', () => {
    expect(choice('a', 'b')('b')).toBe('b');
    expect(() => choice('a', 'b')('c')).toThrow('one of a, b');
  });

  test("booleans are those of Go's flags", () => {
    expect(['1', 't', 'true', 'TRUE'].map(booleanWord)).toEqual([true, true, true, true]);
    expect(['0', 'f', 'false', 'False'].map(booleanWord)).toEqual([false, false, false, false]);
    expect(booleanWord('yes')).toBeUndefined();
  });

  test('a field in quotes may hold commas and quotes', () => {
    expect(commaFields('a,"b,c","d""e",')).toEqual(['a', 'b,c', 'd"e', '']);
    expect(() => commaFields('a,"b"c')).toThrow(BadValue);
  });

  test('a signal is a name or a number', () => {
    expect(['term', 'SIGTERM', '15', 'SIGRTMIN+3'].map(parseSignal)).toEqual([
      'SIGTERM',
      'SIGTERM',
      'SIGTERM',
      'SIGRTMIN+3',
    ]);
    for (const text of ['0', '65', 'NOPE', '']) expect(() => parseSignal(text)).toThrow(BadValue);
  });
});

describe('devices and limits of processes', () => {
  test.each([
    ['/dev/fuse', { hostPath: '/dev/fuse', containerPath: '/dev/fuse', permissions: 'rwm' }],
    ['/dev/fuse:rw', { hostPath: '/dev/fuse', containerPath: '/dev/fuse', permissions: 'rw' }],
    [
      '/dev/sda:/dev/xvda',
      { hostPath: '/dev/sda', containerPath: '/dev/xvda', permissions: 'rwm' },
    ],
    [
      '/dev/sda:/dev/xvda:r',
      { hostPath: '/dev/sda', containerPath: '/dev/xvda', permissions: 'r' },
    ],
  ])('the device %s is understood', (text, mapping) => {
    expect(device.parseDevice(text)).toEqual(mapping);
  });

  test.each(['fuse', '/dev/a:/dev/b:x', '/dev/a:/dev/b:rr', '/dev/a:b', '/a:/b:r:w'])(
    '%s is no device',
    (text) => {
      expect(() => device.parseDevice(text)).toThrow(BadValue);
    },
  );

  test('a device rule has numbers or stars', () => {
    expect(device.parseDeviceRule('c 10:* rwm')).toEqual({
      allow: true,
      type: 'c',
      major: 10,
      minor: -1,
      permissions: 'rwm',
    });
    for (const text of ['c 10 rwm', 'x 1:1 r', 'c 1:1'])
      expect(() => device.parseDeviceRule(text)).toThrow(BadValue);
  });

  test('rates and weights belong to a device', () => {
    expect(device.parseDeviceBytes('/dev/vda:1mb')).toEqual({ device: '/dev/vda', rate: 2 ** 20 });
    expect(device.parseDeviceOperations('8:0:100')).toEqual({ device: '8:0', rate: 100 });
    expect(device.parseDeviceWeight('/dev/vda:200')).toEqual({ device: '/dev/vda', weight: 200 });
    expect(() => device.parseDeviceWeight('/dev/vda:5')).toThrow('10 to 1000');
    expect(() => device.parseDeviceBytes('1mb')).toThrow(BadValue);
    expect(device.parseHugepageLimit('2MB:64m')).toEqual({
      pageSize: '2MB',
      limitBytes: 64 * 2 ** 20,
    });
    expect(() => device.parseHugepageLimit('2M:64m')).toThrow(BadValue);
  });

  test('a ulimit has a known name and an ordered pair', () => {
    expect(parseUlimit('nofile=1024:2048')).toEqual({ name: 'nofile', soft: 1024, hard: 2048 });
    expect(parseUlimit('core=-1')).toEqual({ name: 'core', soft: -1, hard: -1 });
    for (const text of [
      'files=1',
      'nofile',
      'nofile=',
      'nofile=2:1',
      'nofile=-1:5',
      'nofile=1:2:3',
      'nofile=x',
    ]) {
      expect(() => parseUlimit(text)).toThrow(BadValue);
    }
  });
});

describe('environment and labels', () => {
  const host = { HOME: '/root', EMPTY: '' };

  test('a name alone takes the value from here', () => {
    expect(environment.parseEnvironmentFlag('A=b=c', host)).toBe('A=b=c');
    expect(environment.parseEnvironmentFlag('HOME', host)).toBe('HOME=/root');
    expect(environment.parseEnvironmentFlag('EMPTY', host)).toBe('EMPTY=');
    expect(environment.parseEnvironmentFlag('MISSING', host)).toBe('MISSING');
    for (const text of ['', '=x'])
      expect(() => environment.parseEnvironmentFlag(text, host)).toThrow(BadValue);
  });

  test('a file has comments, names alone, and values as they are', () => {
    const content = '\uFEFFA=1\n# comment\n\n  B="quoted" # kept\r\nHOME\nMISSING\n';
    expect(environment.parseEnvironmentFile(content, host)).toEqual([
      'A=1',
      'B="quoted" # kept',
      'HOME=/root',
    ]);
    expect(() => environment.parseEnvironmentFile('A=1\nB C=2', host)).toThrow('line 2');
  });

  test('a label may lack a value', () => {
    expect(environment.parseLabel('a=b=c')).toEqual(['a', 'b=c']);
    expect(environment.parseLabel('a')).toEqual(['a', '']);
    expect(() => environment.parseLabel('=b')).toThrow(BadValue);
    expect(environment.parseLabelFile('a=1\n# no\n\nb\n')).toEqual([
      ['a', '1'],
      ['b', ''],
    ]);
  });
});

describe('policies, namespaces and security', () => {
  test.each([
    ['no', { name: 'no', maximumRetryCount: 0 }],
    ['on-failure', { name: 'on-failure', maximumRetryCount: 0 }],
    ['on-failure:5', { name: 'on-failure', maximumRetryCount: 5 }],
    ['unless-stopped', { name: 'unless-stopped', maximumRetryCount: 0 }],
  ])('the restart policy %s is understood', (text, policy) => {
    expect(parseRestart(text)).toEqual(policy);
  });

  test.each(['sometimes', 'always:3', 'on-failure:x', 'on-failure:1:2'])(
    '%s is no restart policy',
    (text) => {
      expect(() => parseRestart(text)).toThrow(BadValue);
    },
  );

  test('filters of one key are alternatives', () => {
    const filters = collectFilters(['status=exited', 'status=dead', 'label=a=b'].map(parseFilter));
    expect(filters).toEqual({ status: ['exited', 'dead'], label: ['a=b'] });
    expect(() => parseFilter('status')).toThrow(BadValue);
  });

  test('namespaces are private, of the host, or of a container', () => {
    expect(namespace.parsePid('container:web')).toBe('container:web');
    expect(namespace.parsePid('host')).toBe('host');
    expect(namespace.parseIpc('shareable')).toBe('shareable');
    expect(() => namespace.parsePid('container:')).toThrow(BadValue);
    expect(() => namespace.parseIpc('mine')).toThrow(BadValue);
  });

  test('security options are those that mean something', () => {
    expect(security.parseSecurityOption('no-new-privileges')).toEqual({
      kind: 'noNewPrivileges',
      value: true,
    });
    expect(security.parseSecurityOption('no-new-privileges:false')).toEqual({
      kind: 'noNewPrivileges',
      value: false,
    });
    expect(security.parseSecurityOption('seccomp=unconfined')).toEqual({
      kind: 'seccomp',
      value: 'unconfined',
    });
    expect(security.parseSecurityOption('seccomp=/p.json')).toEqual({
      kind: 'seccompFile',
      path: '/p.json',
    });
    expect(security.parseSecurityOption('systempaths=unconfined')).toEqual({
      kind: 'systemPathsUnconfined',
    });
    expect(security.parseSecurityOption('apparmor=unconfined')).toEqual({ kind: 'nothing' });
    for (const text of ['apparmor=mine', 'seccomp=', 'no-new-privileges=maybe', '']) {
      expect(() => security.parseSecurityOption(text)).toThrow(BadValue);
    }
  });

  test('log drivers of docker that write files are one', () => {
    expect(['file', 'json-file', 'local', 'none', 'raw'].map(security.parseLogDriver)).toEqual([
      'file',
      'file',
      'file',
      'none',
      'raw',
    ]);
    expect(() => security.parseLogDriver('syslog')).toThrow('file, none or raw');
    expect(security.parseLogOption('max-size=10m')).toEqual({ maxBytes: 10 * 2 ** 20 });
    expect(security.parseLogOption('max-size=-1')).toEqual({ maxBytes: 0 });
    expect(security.parseLogOption('max-file=5')).toEqual({ maxFiles: 5 });
    expect(() => security.parseLogOption('tag=x')).toThrow(BadValue);
  });
});
