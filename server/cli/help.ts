/**
 * The texts of `--help`.
 */
import { type Command, generalFlags } from './commands.ts'

const flagWidth = 30

export function generalHelp(commands: readonly Command[], serve: Command): string {
  const lines = commands.map(({ name, summary }) => `  ${name.padEnd(flagWidth)}${summary}`)
  return [
    'Usage: colocate [command] [options]',
    '',
    'Presence for shared sheets over Server-Sent Events.',
    '',
    'Commands:',
    ...lines,
    `  ${'help <command>'.padEnd(flagWidth)}Prints the help of a command, as its flag --help does.`,
    '',
    'Options of colocate and colocate serve:',
    ...flagLines(serve),
  ].join('\n')
}

export function commandHelp(command: Command): string {
  const { name, usage, about } = command
  return [`Usage: colocate ${name} ${usage}`, '', ...about, '', 'Options:', ...flagLines(command)].join('\n')
}

function flagLines({ flags }: Command): string[] {
  return [...flags, ...generalFlags].flatMap(({ name, value, about: [first = '', ...more] }) => {
    const head = `--${name}${value === undefined ? '' : ` ${value}`}`
    const indent = ' '.repeat(flagWidth + 2)
    const start = head.length < flagWidth ? [`  ${head.padEnd(flagWidth)}${first}`] : [`  ${head}`, indent + first]
    return [...start, ...more.map(line => indent + line)]
  })
}
