/** An element with attributes and text. Text is only ever text: what people call themselves is not markup. */
export function element(tag: string, attributes: Record<string, string> = {}, text = ''): HTMLElement {
  const made = document.createElement(tag)
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value)
  made.textContent = text
  return made
}

/** An element that the page's own HTML has. */
export function byId(id: string): HTMLElement {
  const found = document.getElementById(id)
  if (!found) throw new Error(`The page has no #${id}`)
  return found
}

/** For those who asked their system for less motion. */
export const wantsStillness = () => matchMedia('(prefers-reduced-motion: reduce)').matches
