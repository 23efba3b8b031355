/** Owns which executor runs a call: the function's kind of source and its contract decide. */
import type { Execution, Executor, ExecutorCall } from '../model/call/execution.js';
import type { ContractName } from '../model/contracts.js';
import type { FunctionRecord } from '../model/function/function.js';

export interface ExecutorChoiceOptions {
  /** Runs the calls of all bundles. */
  bundles: Executor;
  /** Runs the calls of images, by their contract. */
  images: ReadonlyMap<ContractName, Executor>;
}

export class ExecutorChoice implements Executor {
  readonly #options: ExecutorChoiceOptions;

  constructor(options: ExecutorChoiceOptions) {
    this.#options = options;
  }

  assertAdmits(record: FunctionRecord): void {
    this.#of(record).assertAdmits(record);
  }

  execute(call: ExecutorCall): Promise<Execution> {
    return this.#of(call.record).execute(call);
  }

  #of({ active, settings, ref }: FunctionRecord): Executor {
    const { bundles, images } = this.#options;
    if (active.source.type === 'bundle') return bundles;
    const executor = images.get(settings.contract);
    if (executor === undefined)
      throw new Error(`no executor speaks ${settings.contract}, the contract of ${ref.name}`);
    return executor;
  }
}
