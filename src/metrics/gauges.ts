/** Owns the gauges: numbers that are read from other parts whenever the metrics are requested. */
import { Gauge, type Registry } from 'prom-client';

export interface Gauges {
  queueLength: () => number;
  queueAgeMs: () => number;
  createdPerSecond: () => number;
  /** Memory that idle instances take, as measured, and the memory they may take. */
  idleBytes: () => number;
  idleBudgetBytes: number;
  recordsDropped: () => number;
  driverAvailable: () => boolean;
  functions: () => number;
}

export function registerGauges(registry: Registry, gauges: Gauges): void {
  const read = (name: string, help: string, value: () => number): void => {
    new Gauge({
      name,
      help,
      registers: [registry],
      collect() {
        this.set(value());
      },
    });
  };
  read('glambdar_queue_length', 'Calls that wait for an instance.', gauges.queueLength);
  read(
    'glambdar_queue_age_seconds',
    'How long the first of them has waited.',
    () => gauges.queueAgeMs() / 1000,
  );
  read('glambdar_idle_memory_bytes', 'Measured memory of all idle instances.', gauges.idleBytes);
  read(
    'glambdar_idle_memory_budget_bytes',
    'What all idle instances may take.',
    () => gauges.idleBudgetBytes,
  );
  read(
    'glambdar_instances_created_per_second',
    'Containers begun per second, over about ten seconds.',
    () => Math.round(gauges.createdPerSecond() * 1000) / 1000,
  );
  read(
    'glambdar_records_dropped',
    'Records of calls given up because the disk did not take them.',
    gauges.recordsDropped,
  );
  read('glambdar_driver_available', '1 while containers can be started.', () =>
    Number(gauges.driverAvailable()),
  );
  read('glambdar_functions', 'Deployed functions.', gauges.functions);
  read('glambdar_process_resident_memory_bytes', 'Memory of the server.', () => process.memoryUsage.rss());
}
