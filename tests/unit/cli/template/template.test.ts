import { describe, expect, test } from 'vitest';
import { compileTemplate } from '../../../../src/cli/template/template.js';
import { asMap } from '../../../../src/cli/template/value.js';

const data = {
  ID: 'abc123',
  Name: '/web',
  Running: true,
  Count: 3,
  Ratio: 1.5,
  Empty: '',
  Nothing: null,
  List: ['a', 'b', 'c'],
  None: [],
  State: { Status: 'running', Health: null },
  Labels: asMap({ tier: 'front', 'com.x': 'y' }),
  Mounts: [
    { Type: 'bind', Source: '/a' },
    { Type: 'volume', Source: 'data' },
  ],
  Label: (key: unknown) => (key === 'tier' ? 'front' : ''),
};

function render(template: string): string {
  return compileTemplate(template)(data);
}

describe('a template', () => {
  test.each([
    ['plain text', 'plain text'],
    ['{{.ID}}', 'abc123'],
    ['{{ .ID }}:{{.Name}}', 'abc123:/web'],
    ['{{.State.Status}}', 'running'],
    ['{{.Running}} {{.Count}} {{.Ratio}}', 'true 3 1.5'],
    ['{{.List}}', '[a b c]'],
    ['{{.Labels}}', 'map[com.x:y tier:front]'],
    ['{{.Nothing}}', '<nil>'],
    ['{{.Labels.tier}} {{.Labels.other}}', 'front <no value>'],
    ['{{.State}}', '{running <nil>}'],
    ['{{"quoted \\"text\\"\\n"}}{{`raw \\n`}}', 'quoted "text"\nraw \\n'],
    ['{{3}} {{-1.5}} {{true}}', '3 -1.5 true'],
    ['{{/* nothing to see */}}x', 'x'],
    ['a {{- /* both sides */ -}} b', 'ab'],
    ['a  {{- .ID -}}  b', 'aabc123b'],
    ['{{.Label "tier"}}', 'front'],
    ['{{"tier" | .Label}}', 'front'],
  ])('%s gives %s', (template, expected) => {
    expect(render(template)).toBe(expected);
  });
});

describe('functions', () => {
  test.each([
    ['{{json .State}}', '{"Status":"running","Health":null}'],
    ['{{json .Labels}}', '{"tier":"front","com.x":"y"}'],
    ['{{.List | json}}', '["a","b","c"]'],
    ['{{len .List}} {{len .Name}} {{len .Labels}}', '3 4 2'],
    ['{{index .List 1}} {{index .Labels "com.x"}} {{index .Labels "no"}}|', 'b y |'],
    ['{{index .Mounts 1 "Source"}}', 'data'],
    ['{{(index .Mounts 0).Type}}', 'bind'],
    ['{{join .List ", "}}', 'a, b, c'],
    ['{{split .Name "/"}}', '[ web]'],
    ['{{upper .ID}} {{lower "ABC"}} {{title "hello world"}}', 'ABC123 abc Hello World'],
    ['{{truncate .ID 3}}|{{pad .ID 1 2}}|', 'abc| abc123  |'],
    ['{{printf "%s has %d (%5.1f%%) %q" .ID .Count .Ratio .Name}}', 'abc123 has 3 (  1.5%) "/web"'],
    [
      '{{printf "%-8s|%08.3f|%x|%v|%t" .ID .Ratio 255 .List .Running}}',
      'abc123  |0001.500|ff|[a b c]|true',
    ],
    ['{{printf "%d" .ID}}', '%!d(string=abc123)'],
    ['{{printf "%s"}}', '%!s(MISSING)'],
    ['{{println .ID .Count}}', 'abc123 3\n'],
    ['{{print 1 2 "x" 3}}', '1 2x3'],
    ['{{eq .Count 3}} {{eq .ID "x" "abc123"}} {{ne .Count 3}}', 'true true false'],
    ['{{lt 1 2}} {{le 2 2}} {{gt "b" "a"}} {{ge 1 2}}', 'true true true false'],
    ['{{and .Running .ID}} {{or .Empty "other"}} {{not .Running}}', 'abc123 other false'],
    ['{{or .Running (index .List 99)}}', 'true'],
    ['{{.Name | printf "%s-%s" "a" | upper}}', 'A-/WEB'],
  ])('%s gives %s', (template, expected) => {
    expect(render(template)).toBe(expected);
  });
});

describe('blocks', () => {
  test.each([
    ['{{if .Running}}up{{else}}down{{end}}', 'up'],
    ['{{if .Empty}}a{{else if .None}}b{{else if eq .Count 3}}c{{else}}d{{end}}', 'c'],
    ['{{if .Nothing}}x{{end}}', ''],
    ['{{range .List}}<{{.}}>{{end}}', '<a><b><c>'],
    ['{{range $i, $e := .List}}{{$i}}={{$e}};{{end}}', '0=a;1=b;2=c;'],
    ['{{range $e := .List}}{{$e}}{{$.Count}}{{end}}', 'a3b3c3'],
    ['{{range $k, $v := .Labels}}{{$k}}:{{$v}} {{end}}', 'com.x:y tier:front '],
    ['{{range .None}}x{{else}}none{{end}}', 'none'],
    ['{{range .Nothing}}x{{end}}', ''],
    ['{{range .Mounts}}{{if eq .Type "bind"}}{{.Source}}{{end}}{{end}}', '/a'],
    ['{{with .State}}{{.Status}}{{end}}', 'running'],
    ['{{with .State.Health}}{{.Status}}{{else}}no check{{end}}', 'no check'],
    ['{{with $x := .Count}}{{$x}}{{end}}', '3'],
    ['{{$n := 0}}{{range .List}}{{$n = .}}{{end}}{{$n}}', 'c'],
    ['{{if and .Running (gt .Count 2)}}yes{{end}}', 'yes'],
  ])('%s gives %s', (template, expected) => {
    expect(render(template)).toBe(expected);
  });
});

describe('a wrong template', () => {
  test.each([
    ['{{.ID', 'line 1, column 1: the action is not closed'],
    ['{{if .ID}}x', 'line 1, column 1: {{if}} has no {{end}}'],
    ['{{range .List}}{{else}}x', 'line 1, column 1: {{range}} has no {{end}}'],
    ['x{{end}}', 'line 1, column 2: {{end}} without {{if}}, {{range}} or {{with}}'],
    ['a\nb {{.Nope}}', 'line 2, column 5: there is no field "Nope"'],
    ['{{.state}}', 'line 1, column 3: there is no field "state"'],
    ['{{.State.Health.Status}}', 'line 1, column 3: cannot read the field "Status" of nothing'],
    ['{{.ID.X}}', 'line 1, column 3: abc123 has no field "X"'],
    ['{{nope .ID}}', 'line 1, column 3: there is no function "nope"'],
    ['{{constructor .ID}}', 'line 1, column 3: there is no function "constructor"'],
    ['{{.constructor}}', 'line 1, column 3: there is no field "constructor"'],
    ['{{$x}}', 'line 1, column 3: the variable $x is not defined'],
    ['{{len 3}}', 'line 1, column 3: 3 has no length'],
    ['{{len}}', 'line 1, column 3: len needs a value'],
    ['{{index .List 9}}', 'line 1, column 3: the index 9 is out of range: there are 3'],
    ['{{eq 1 "a"}}', 'line 1, column 3: cannot compare 1 with a: their types differ'],
    ['{{.ID .Name}}', 'line 1, column 3: a value that is not a function takes no arguments'],
    ['{{.ID | }}', 'line 1, column 9: expected a value, found "}}"'],
    ['{{ # }}', 'line 1, column 4: unexpected "#"'],
    ['{{}}', 'line 1, column 3: expected a value, found "}}"'],
    ['{{"\\q"}}', 'line 1, column 3: the string "\\q" has an unknown escape'],
    ['{{range .Count}}{{.}}{{end}}{{range .ID}}{{end}}', 'cannot range over abc123'],
  ])('%s is refused: %s', (template, message) => {
    expect(() => render(template)).toThrowError(message);
  });

  test('names the field that was probably meant', () => {
    expect(() => render('{{.state}}')).toThrowError(
      expect.objectContaining({ hint: 'Write .State.' }),
    );
  });

  test('is an invalid argument', () => {
    expect(() => render('{{')).toThrowError(
      expect.objectContaining({ kind: 'invalidArgument', code: 'BAD_TEMPLATE' }),
    );
  });
});
