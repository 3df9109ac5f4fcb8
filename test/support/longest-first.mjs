/**
 * Starts the suites of the project `long` first, in the order of its list: a long suite that starts last runs alone.
 * Jest itself orders suites by their last duration, which is unknown in a fresh clone.
 */
import Sequencer from '@jest/test-sequencer'

export default class LongestFirst extends Sequencer {
  sort(tests) {
    const place = ({ path, context }) => {
      const index = context.config.testRegex.findIndex(each => new RegExp(each).test(path))
      return index < 0 ? Number.MAX_SAFE_INTEGER : index
    }
    return super.sort(tests).toSorted((a, b) => place(a) - place(b))
  }
}
