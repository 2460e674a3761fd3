/** What bin/warren.js starts, bundled as `dist/start/start.cjs`: it loads the program. */
import { join } from 'node:path';
import { ProgramFiles } from './program-files.js';

const directory = join(__dirname, '..', 'program');
const main = 'main.cjs';

// Node maps the places in stacks to sources only for what it loads itself.
if (process.sourceMapsEnabled) require(join(directory, main));
else new ProgramFiles(directory, require).load(main);
