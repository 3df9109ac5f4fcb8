/**
 * Starts the suites of the project `long` in the order of its list, the longest first, so that none is left to run alone
 * at the end. Jest orders by the times of its last run, which a fresh clone does not have.
 */
import Sequencer from '@jest/test-sequencer'

export default class LongestFirst extends Sequencer {
  sort(tests) {
    const place = ({ path, context }) => context.config.testRegex.findIndex(each => new RegExp(each).test(path))
    return super.sort(tests).toSorted((a, b) => place(a) - place(b))
  }
}
