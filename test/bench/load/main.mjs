/**
 * The load generator: a new process for each measurement. It receives a job over IPC and answers with the figures.
 */
import { jobs } from './jobs.mjs'

process.once('message', async ({ kind, ...job }) => {
  try {
    process.send({ figures: await jobs[kind](job) }, () => process.exit())
  } catch (error) {
    process.send({ error: error.message }, () => process.exit(1))
  }
})
process.on('disconnect', () => process.exit())
