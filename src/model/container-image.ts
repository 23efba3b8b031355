/** Owns how the image of a container is named, before anybody has looked for it. */

/** `node`: the image this program builds around a Node binary. `reference`: any other, as `docker pull` takes it. */
export type ContainerImage = { type: 'node' } | { type: 'reference'; reference: string };

/** Equal exactly for names of the same image. */
export function imageKey(image: ContainerImage): string {
  return image.type === 'node' ? 'node' : `reference ${image.reference}`;
}
