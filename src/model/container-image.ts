/** Owns how the image of a container is named, whether or not it exists. */

/** `node`: the image this program builds around a Node binary. `reference`: any other image, by a name that `docker pull` takes. */
export type ContainerImage = { type: 'node' } | { type: 'reference'; reference: string };

/** A key that is equal exactly for names of the same image. */
export function imageKey(image: ContainerImage): string {
  return image.type === 'node' ? 'node' : `reference ${image.reference}`;
}
