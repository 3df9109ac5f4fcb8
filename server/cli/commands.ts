/**
 * The commands of `colocate`: their flags and what they do, for the command line and for `--help`.
 */
import { configFlags, optionsByFlag } from '../config/flags.ts'

export interface Flag {
  /** Without dashes. */
  name: string
  /** What stands for its value in the help. Undefined: the flag has no value. */
  value?: string
  /** Lines of the help. */
  about: string[]
}

export interface Command {
  name: 'serve' | 'doctor' | 'token' | 'top'
  /** What follows the name in the usage, such as `<url> [options]`. */
  usage: string
  /** One line for the list of commands. */
  summary: string
  about: string[]
  flags: Flag[]
  /** Second names of flags, as keys. */
  aliases: Record<string, string>
  /** How many arguments without dashes it takes. */
  maxArgs: 0 | 1
}

/** Flags of every command. */
export const generalFlags: Flag[] = [
  { name: 'help', about: ['Prints this help.'] },
  { name: 'version', about: ['Prints the version.'] },
]

export function createCommands(): Command[] {
  return [serveCommand(), doctorCommand, tokenCommand, topCommand]
}

function serveCommand(): Command {
  const flags = configFlags().map(({ name, variable, description, rule, defaultValue }) => ({
    name,
    value: '<value>',
    about: [description, `${variable}: ${rule}${defaultValue === undefined ? '' : ` (default ${defaultValue})`}`],
  }))
  const names = new Set(flags.map(({ name }) => name))
  const options = optionsByFlag()
  const second = [...options].filter(([name]) => !names.has(name))
  const nameOf = (option: string) => [...options].find(([, each]) => each === option)?.[0] ?? ''
  return {
    name: 'serve',
    usage: '[options]',
    summary: 'Runs the server. This is the default command.',
    about: [
      'Runs the server.',
      'Each option is also an environment variable, such as LEASE_MS for --lease-ms. An option wins over its variable.',
      'Other users of this machine can see options. Set secrets as variables.',
    ],
    flags,
    aliases: Object.fromEntries(second.map(([name, option]) => [name, nameOf(option)])),
    maxArgs: 0,
  }
}

const doctorCommand: Command = {
  name: 'doctor',
  usage: '<url> [options]',
  summary: 'Checks the path between browsers and the server.',
  about: [
    'Opens streams and posts to a room at <url>, as a page of that URL does. Prints each problem that a proxy causes, and the',
    'line of configuration that fixes it. Exits with 0 if there is no problem, otherwise with 1. It can take 90 seconds.',
  ],
  flags: [
    { name: 'room', value: '<room>', about: ['The room to use. By default it is a new room with a random name.'] },
    { name: 'token', value: '<token>', about: ['A token that may read and write the room.'] },
    { name: 'json', about: ['Prints the result as JSON.'] },
  ],
  aliases: {},
  maxArgs: 1,
}

const tokenCommand: Command = {
  name: 'token',
  usage: '[options]',
  summary: 'Prints a token for development.',
  about: [
    'Prints a token for development. It is signed with AUTH_SECRET and has AUTH_ISSUER and AUTH_AUDIENCE, if set.',
  ],
  flags: [
    { name: 'sub', value: '<id>', about: ['The collaborator. Without it the token has no collaborator.'] },
    { name: 'name', value: '<name>', about: ["The collaborator's name."] },
    { name: 'color', value: '<#rrggbb>', about: ["The collaborator's color."] },
    {
      name: 'rooms',
      value: '<list>',
      about: ['Rooms, separated by commas. "a*" is every room that begins with a. (default *)'],
    },
    {
      name: 'scope',
      value: '<list>',
      about: ['Permissions, separated by spaces. (default "location:read location:write")'],
    },
    {
      name: 'expires',
      value: '<time>',
      about: ['How long the token is valid, such as 90s, 15m, 1h or 7d. (default 1h)'],
    },
  ],
  aliases: {},
  maxArgs: 0,
}

const topCommand: Command = {
  name: 'top',
  usage: '<url> [options]',
  summary: 'Shows rooms, streams, rates and delays of a running server.',
  about: [
    'Shows rooms, streams, rates and delays of the server at <url>, from its /metrics. On a terminal the view is updated',
    'every two seconds until you press Ctrl+C. Elsewhere it is printed once.',
  ],
  flags: [
    { name: 'once', about: ['Prints the view once, also on a terminal.'] },
    { name: 'token', value: '<token>', about: ['A token with the scope "metrics".'] },
  ],
  aliases: {},
  maxArgs: 1,
}
