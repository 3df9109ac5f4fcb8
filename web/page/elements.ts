/** Creates an element. The text is always set as `textContent`: a collaborator's name must not become markup. */
export function element(tag: string, attributes: Record<string, string> = {}, text = ''): HTMLElement {
  const created = document.createElement(tag)
  for (const [name, value] of Object.entries(attributes)) created.setAttribute(name, value)
  created.textContent = text
  return created
}

/** Returns an element that the page's HTML contains. */
export function byId(id: string): HTMLElement {
  const found = document.getElementById(id)
  if (!found) throw new Error(`The page has no element with the id "${id}"`)
  return found
}

export const prefersReducedMotion = () => matchMedia('(prefers-reduced-motion: reduce)').matches
