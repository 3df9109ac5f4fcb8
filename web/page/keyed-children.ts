/**
 * Keeps the children of an element in the order of their numbers.
 */

/**
 * Adds and removes children until they are those of `wanted`, in ascending order, behind `fixed` other children. Moves no
 * child: an element that moves in the document loses the focus.
 */
export function updateChildren(
  parent: HTMLElement,
  children: Map<number, HTMLElement>,
  wanted: readonly number[],
  create: (key: number) => HTMLElement,
  fixed: number,
): void {
  const keys = new Set(wanted)
  for (const [key, child] of children) {
    if (keys.has(key)) continue
    child.remove()
    children.delete(key)
  }
  let next = parent.children[fixed] ?? null
  for (const key of wanted) {
    const known = children.get(key)
    if (known) {
      next = known.nextElementSibling
      continue
    }
    const child = create(key)
    parent.insertBefore(child, next)
    children.set(key, child)
  }
}

/** The whole numbers from the first to the last. */
export const span = (first: number, last: number) =>
  Array.from({ length: last - first + 1 }, (_, index) => first + index)
/** The numbers of both lists, each once, in ascending order. */
export const union = (a: readonly number[], b: readonly number[]) => [...new Set([...a, ...b])].sort((x, y) => x - y)
