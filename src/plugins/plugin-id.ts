/** What can be the name of a folder too; the shape that a registration must have. */
export const pluginId = /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/;
