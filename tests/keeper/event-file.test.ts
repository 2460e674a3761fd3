import { describeAsRoot } from '../privileges.js';
import { cTests, file, harness } from './c-tests.js';

describeAsRoot('stored events', () => {
  cTests('event-file', [file('keeper/serve/event_file.c'), ...harness()]);
});
