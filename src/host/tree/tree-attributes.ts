import { WarrenError } from '../../base/errors.js';
import type { ByteString } from '../../base/tar/tar-header.js';
import { nativeProgramPath } from '../native-path.js';
import type { Host } from '../port.js';

/** Extended attributes by path: `/a/b`, the root itself is empty. */
export type TreeAttributes = ReadonlyMap<ByteString, ReadonlyMap<ByteString, Buffer>>;

const maximumBytes = 256 * 1024 * 1024;

/**
 * The extended attributes below a directory that a layer may carry (`user.…`, `security.capability`) and overlay's own
 * (`trusted.overlay.…`). Throws unavailable (ATTRIBUTES_FAILED) and exhausted (TOO_MANY_ATTRIBUTES).
 */
export async function readTreeAttributes(
  host: Pick<Host, 'run'>,
  directory: string,
): Promise<TreeAttributes> {
  const result = await host.run(nativeProgramPath('warren-files'), ['attributes', directory], {
    maxOutputBytes: maximumBytes,
  });
  if (result.code !== 0) {
    const reason = result.stderr
      .trim()
      .replace(/^warren-files: cannot /, '')
      .replace(/(\S{160})\S+(\S{40})/, '$1…$2');
    throw new WarrenError('unavailable', 'ATTRIBUTES_FAILED', `Cannot ${reason}`);
  }
  if (result.stdout.length >= maximumBytes) {
    throw new WarrenError(
      'exhausted',
      'TOO_MANY_ATTRIBUTES',
      `Cannot read ${directory}: its extended attributes are larger than ${maximumBytes} bytes`,
    );
  }
  const attributes = new Map<ByteString, Map<ByteString, Buffer>>();
  for (const line of result.stdout.split('\n').slice(0, -1)) {
    const [path = '', name = '', value = ''] = line.split(' ').map(unescaped);
    const known = attributes.get(path) ?? new Map<ByteString, Buffer>();
    attributes.set(path, known.set(name, Buffer.from(value, 'latin1')));
  }
  return attributes;
}

function unescaped(text: string): ByteString {
  return text.replace(/%([0-9A-F]{2})/g, (_match, hex: string) =>
    String.fromCharCode(parseInt(hex, 16)),
  );
}
