import { describeAsRoot } from '../privileges.js';
import { cTests, harness } from './c-tests.js';

describeAsRoot('log pump', () => {
  cTests('log', harness());
});

describeAsRoot('streams', () => {
  cTests('stream', harness());
});
