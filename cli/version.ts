/** A test holds this and package.json together: importing package.json would put all of it into the bundle. */
export const version = '0.1.0';
