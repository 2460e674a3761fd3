import type { TmpfsMount } from '../../model/container-config.js';
import { BadValue } from './value/bad-value.js';
import { parseMode } from './mount.js';
import { integer } from './value/number.js';
import { parseSize } from './value/size.js';

const example = '/run:size=64m,mode=0755';

/** nosuid and nodev are always set: naming them changes nothing. */
const withoutEffect = ['rw', 'nosuid', 'nodev', 'noexec', ''];

const parseId = integer({ min: 0, max: 2 ** 32 - 2 });

/** `--tmpfs TARGET[:OPTIONS]`: size=, mode=, uid=, gid=, ro, exec. */
export function parseTmpfsFlag(text: string): TmpfsMount {
  const colon = text.indexOf(':');
  const target = colon < 0 ? text : text.slice(0, colon);
  if (!target.startsWith('/')) throw new BadValue('the target must be an absolute path', example);
  const mount: { -readonly [K in keyof TmpfsMount]: TmpfsMount[K] } = { type: 'tmpfs', target };
  for (const option of colon < 0 ? [] : text.slice(colon + 1).split(',')) {
    const [key = '', value] = option.split('=', 2);
    if (key === 'size' && value !== undefined) mount.sizeBytes = parseSize(value);
    else if (key === 'mode' && value !== undefined) mount.mode = parseMode(value);
    else if (key === 'uid' && value !== undefined) mount.uid = parseId(value);
    else if (key === 'gid' && value !== undefined) mount.gid = parseId(value);
    else if (option === 'ro') mount.readOnly = true;
    else if (option === 'exec') mount.noexec = false;
    else if (!withoutEffect.includes(option)) {
      throw new BadValue(`there is no tmpfs option ${JSON.stringify(option)}`, example);
    }
  }
  return mount;
}
