/** Owns instances as the pure parts of the pool see them, for tests: one of profile `p`, holding code `c` where its state says that it holds some. */
import type { InstanceState } from '../../src/instance/instance-state.js';
import type { InstanceView } from '../../src/pool/decide/snapshot.js';

let made = 0;

export function view(state: InstanceState, fields: Partial<InstanceView> = {}): InstanceView {
  made += 1;
  const holds = state === 'idle' || state === 'busy' || state === 'loading';
  return {
    id: `i${made}`,
    state,
    profileKey: 'p',
    codeKey: holds ? 'c' : null,
    intendedFor: null,
    calls: 0,
    since: made,
    ...fields,
  };
}
