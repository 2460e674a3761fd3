/** Patterns of COPY and .dockerignore: `*` and `?` within a name, `**` across names, `[a-z]`, `\` before any of them. */
export function globExpression(pattern: string): RegExp {
  let source = '';
  for (let at = 0; at < pattern.length; at += 1) {
    const char = pattern.charAt(at);
    if (char === '*' && pattern.charAt(at + 1) === '*') {
      at += 1;
      if (pattern.charAt(at + 1) === '/') {
        at += 1;
        source += '(?:.*/)?';
      } else source += '.*';
    } else if (char === '*') source += '[^/]*';
    else if (char === '?') source += '[^/]';
    else if (char === '[') {
      const end = pattern.indexOf(']', at + 2);
      if (end < 0) throw new Error(`pattern ${JSON.stringify(pattern)} lacks a ]`);
      source += `[${pattern.slice(at + 1, end).replace(/\\/g, '\\\\')}]`;
      at = end;
    } else if (char === '\\' && at + 1 < pattern.length) {
      at += 1;
      source += literal(pattern.charAt(at));
    } else source += literal(char);
  }
  return new RegExp(`^${source}$`, 's');
}

export function hasGlob(pattern: string): boolean {
  return /[*?[]/.test(pattern);
}

function literal(char: string): string {
  return char.replace(/[\\^$.|?*+()[\]{}/-]/, '\\$&');
}
