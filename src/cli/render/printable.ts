/**
 * Text that a container chose, made harmless for a terminal: control characters (escape sequences among them) are shown
 * as `\x1b`. For tables and messages; streams of a container are passed on as they are.
 */
export function printable(text: string): string {
  return text.replace(/[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/gu, (character) => {
    if (character === '\t') return character;
    const code = character.codePointAt(0) ?? 0;
    return code < 0x100 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u${code.toString(16)}`;
  });
}
