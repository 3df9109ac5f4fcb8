#!/usr/bin/env node
/**
 * The process: its commands, its environment, its signals, its end.
 */
import { fileURLToPath } from 'node:url'
import { setFlagsFromString } from 'node:v8'
import { pino } from 'pino'
import { doctor } from './cli/doctor/doctor.ts'
import { makeToken } from './cli/token.ts'
import { type Config, ConfigError, readConfig } from './config.ts'
import { start } from './server.ts'

/**
 * Streams live for hours and requests for milliseconds, and Node makes both by the same lines. After a wave of joins V8
 * would take it that all these lines make lives long, and keep each request until the next full collection.
 */
setFlagsFromString('--no-allocation-site-pretenuring')

/**
 * A write for each line would cost more than a reader's join; so lines wait for each other, a moment, and the last ones
 * are written at the exit.
 */
const logging = { sync: false, minLength: 4_096, periodicFlush: 100, maxLength: 1024 * 1024 }

async function main([command = 'serve', ...args]: string[]): Promise<void> {
  if (command === 'doctor') {
    process.exitCode = await doctor(args, process.stdout, process.stderr)
    return
  }
  const config = readConfig(process.env)
  if (command === 'serve') await serve(config)
  else if (command === 'token') process.stdout.write(`${await makeToken(args, config.auth)}\n`)
  else throw new Error(`there is no command "${command}"; there are serve, doctor and token`)
}

async function serve(config: Config): Promise<void> {
  const log = pino({ level: config.logLevel, base: null }, pino.destination(logging))
  // From its source it serves the page that was built beside it.
  const webDir = fileURLToPath(new URL(import.meta.url.endsWith('.ts') ? '../dist/web' : '../web', import.meta.url))
  const { address, drain } = await start(config, log, webDir)

  let isEnding = false
  const end = (signal: NodeJS.Signals) => {
    if (isEnding) process.exit(1)
    isEnding = true
    log.info({ signal }, 'draining')
    drain().then(
      () => {
        log.info('ended')
        process.exit(0)
      },
      error => {
        log.error({ err: error }, 'could not end cleanly')
        process.exit(1)
      },
    )
  }
  process.on('SIGTERM', end)
  process.on('SIGINT', end)
  // Said last: whoever reads it may send a signal.
  log.info({ host: address.address, port: address.port, store: config.redis?.kind ?? 'memory' }, 'listening')
}

main(process.argv.slice(2)).catch(error => {
  process.stderr.write(`${error instanceof ConfigError ? error.message : `colocate: ${error.message}`}\n`)
  process.exit(1)
})
