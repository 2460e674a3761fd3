import { describe, expect, test } from 'vitest';
import {
  isExposed,
  isOnNetwork,
  isPublishedAt,
} from '../../../src/engine/observe/place-filters.js';
import type { EngineContext } from '../../../src/engine/context.js';
import type { ContainerRecord } from '../../../src/model/container.js';

const context = {
  records: {
    networks: {
      list: () => [
        { id: 'aa11', name: 'front' },
        { id: 'bb22', name: 'back' },
      ],
    },
  },
} as unknown as Pick<EngineContext, 'records'>;

const record = {
  spec: { network: 'front', networking: { expose: [{ port: 53, protocol: 'udp' }] } },
  endpoints: [{ network: 'bb22' }],
  ports: [{ hostIp: '', hostPort: 8080, containerPort: 80, protocol: 'tcp' }],
} as unknown as ContainerRecord;

describe('filters of ps by place', () => {
  test('know the networks that a container is on now, not those of its start', () => {
    for (const wanted of ['back', 'bb22', 'bb']) {
      expect(isOnNetwork(context, record, wanted)).toBe(true);
    }
    expect(isOnNetwork(context, record, 'front')).toBe(false);
    const without = { ...record, spec: { ...record.spec, network: 'none' }, endpoints: [] };
    expect(isOnNetwork(context, without, 'none')).toBe(true);
  });

  test('know ports outside and inside', () => {
    for (const wanted of ['8080', '8080/tcp', '8000-9000']) {
      expect(isPublishedAt(record, wanted)).toBe(true);
    }
    expect(isPublishedAt(record, '80')).toBe(false);
    expect(isPublishedAt(record, '8080/udp')).toBe(false);
    for (const wanted of ['80', '53/udp']) expect(isExposed(record, wanted)).toBe(true);
    expect(isExposed(record, '53')).toBe(false);
    expect(() => isExposed(record, 'http')).toThrow('Invalid port http in a filter');
  });
});
