/** Owns the row of an idle standby container's memory against a bare Node in the same kind of container, side by side. */
import type { Measurement } from '../measurement.js';
import { family, parentOf, pssMb } from '../process-figures.js';
import type { RawEngine } from '../raw-engine.js';
import { median, summary } from '../statistics.js';
import { STANDBY, STOCKED } from '../workbench.js';

const COUNT = 3;
/** For both to have come to rest after their start. */
const REST_MS = 1_000;

/** Of all processes inside, and of the shim outside. MiB */
async function memoryOf(engine: RawEngine, container: string): Promise<{ inside: number; shim: number }> {
  const { State } = await engine.get<{ State: { Pid: number } }>(`/containers/${container}/json`);
  const shim = parentOf(State.Pid);
  return {
    inside: family(State.Pid).reduce((sum, pid) => sum + pssMb(pid), 0),
    shim: shim === null ? 0 : pssMb(shim),
  };
}

export const memory: Measurement = {
  id: 'memory',
  rows: [
    {
      number: 11,
      title: 'idle standby PSS / bare Node container PSS',
      unit: '',
      limit: 1.4,
      aim: 1.15,
      better: 'lower',
    },
  ],
  limitSeconds: 40,
  async measure(turn) {
    const server = await turn.server(STOCKED);
    const bare = await Promise.all(Array.from({ length: COUNT }, () => turn.engine.start()));
    turn.atEnd(() => Promise.all(bare.map((container) => turn.engine.remove(container))));
    const states = await server.quiet({ standby: STANDBY, stableMs: REST_MS });
    const standby = await server.containers();
    if (standby.length !== states['standby'])
      throw new Error(`${standby.length} containers are not all standby: ${JSON.stringify(states)}`);
    const ours: { inside: number; shim: number }[] = [];
    for (const id of standby) ours.push(await memoryOf(turn.engine, id));
    const floor: { inside: number; shim: number }[] = [];
    for (const { name } of bare) floor.push(await memoryOf(turn.engine, name));
    return [
      {
        value: median(ours.map(({ inside }) => inside)) / median(floor.map(({ inside }) => inside)),
        n: ours.length,
        figures: {
          'standby MiB': summary(ours.map(({ inside }) => inside)),
          'bare MiB': summary(floor.map(({ inside }) => inside)),
          'shim of either MiB': summary([...ours, ...floor].map(({ shim }) => shim)),
        },
        note: 'all processes of a container; the shim is outside of it and not counted',
      },
    ];
  },
};
