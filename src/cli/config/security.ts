import type { SecurityOptions } from '../../model/container-config.js';
import type { SecurityOption } from '../parse/security.js';
import { BadValue } from '../parse/value/bad-value.js';
import { readGivenFile } from './given-file.js';

function profile(content: string): string {
  try {
    JSON.parse(content);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new BadValue(`the seccomp profile is not JSON: ${reason}`, 'seccomp=unconfined');
  }
  return content;
}

/** All `--security-opt` together; undefined when there is none. Reads seccomp profiles. */
export function securityOf(
  options: readonly SecurityOption[],
): Partial<SecurityOptions> | undefined {
  let result: Partial<SecurityOptions> | undefined;
  for (const option of options) {
    if (option.kind === 'nothing') continue;
    result ??= {};
    if (option.kind === 'noNewPrivileges') result = { ...result, noNewPrivileges: option.value };
    else if (option.kind === 'systemPathsUnconfined')
      result = { ...result, systemPathsUnconfined: true };
    else if (option.kind === 'seccomp') result = { ...result, seccomp: option.value };
    else
      result = {
        ...result,
        seccomp: { profile: readGivenFile('--security-opt', option.path, profile) },
      };
  }
  return result;
}
