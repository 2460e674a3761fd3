import { expect, test } from 'vitest';
import { networkOf } from '../../../src/model/normalize-network.js';

const image = { exposedPorts: [] };

test.each([
  ['publish', [{ containerPort: 80, protocol: 'tcp' }]],
  ['publishAll', true],
])('%s, which nothing would enforce, is refused and not ignored', (field, value) => {
  const config = { image: 'tiny', [field]: value };
  expect(() => networkOf(config, image)).toThrow(
    expect.objectContaining({ code: 'NOT_ENFORCED', details: { field } }),
  );
});
