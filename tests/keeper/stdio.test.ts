import { describeAsRoot } from '../privileges.js';
import { cTests, harness } from './c-tests.js';

describeAsRoot('log pump', () => {
  cTests('log', harness());
});

describeAsRoot('streams of execs', () => {
  cTests('exec', harness());
});

describeAsRoot('attached clients', () => {
  cTests('attach', harness());
});

describeAsRoot('ptys', () => {
  cTests('pty', harness());
});

describeAsRoot('adopted streams', () => {
  cTests('adopt', harness());
});

describeAsRoot('a log under killed keepers', () => {
  cTests('ledger', harness());
});
