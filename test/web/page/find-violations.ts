/**
 * Axe in a page. Any driver of a browser can evaluate it.
 */
import axe from 'axe-core'

/** An expression that returns a promise of the violations. Half-transparent texts have no contrast to judge. */
export const findViolations = `(async () => {
  ${axe.source}
  while (document.getAnimations().length > 0) await new Promise(resolve => setTimeout(resolve, 20))
  const { violations } = await axe.run()
  return violations.map(({ id, nodes }) => id + ': ' + nodes.map(({ html }) => html).join(' '))
})()`
