/** Owns what answers about a function say of where everybody may call it, when its setting `public` says that everybody may. */
import type { Socket } from 'node:net';
import { DEFAULT_NAMESPACE, type FunctionRef } from '../../model/function/ref.js';
import type { Registry } from '../../registry/registry.js';
import type { DoorUrl } from '../door/door-url.js';
import { publicBase, type PublicBaseConfig } from './public-base.js';

export interface PublicAddressDeps {
  registry: Pick<Registry, 'find'>;
  /** Null: there is no listener for functions. */
  doorUrl: DoorUrl | null;
  /** Whether functions that are not public need a token or a key. */
  hasAccounts: boolean;
  config: PublicBaseConfig;
}

/** Both are missing for a function that is not public. */
export interface PublicAddress {
  /** Where the listener for functions serves the function. */
  publicUrl?: string;
  /** A sentence about what `public` means on a server without that listener. */
  note?: string;
}

/** @param socket the connection of the client that is answered */
export type PublicAddressOf = (ref: FunctionRef, socket: Socket) => PublicAddress;

/** The returned function reads the setting anew each time. */
export function createPublicAddress({
  registry,
  doorUrl,
  hasAccounts,
  config,
}: PublicAddressDeps): PublicAddressOf {
  return (ref, socket) => {
    if (registry.find(ref)?.settings.public !== true) return {};
    if (doorUrl !== null) return { publicUrl: doorUrl(ref, socket) };
    const noListener =
      'this server has no listener for public functions, which GLAMBDAR_FUNCTIONS_PORT would give it';
    if (!hasAccounts)
      return {
        note: `"public" changes nothing here: ${noListener}, and without accounts whoever reaches this server may call every function.`,
      };
    const path =
      ref.namespace === DEFAULT_NAMESPACE ? `/invoke/${ref.name}` : `/invok/${ref.namespace}/${ref.name}`;
    return {
      note: `Everybody may call ${ref.name} without a token or key, at ${publicBase(config, socket)}${path}: ${noListener}.`,
    };
  };
}
