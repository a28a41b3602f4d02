#pragma once

/// Everything a program needs beside its generated message headers.

#include "baton/clock.hpp"
#include "baton/config.hpp"
#include "baton/error.hpp"
#include "baton/event.hpp"
#include "baton/footprint.hpp"
#include "baton/log.hpp"
#include "baton/message.hpp"
#include "baton/node.hpp"
#include "baton/publisher.hpp"
#include "baton/qos.hpp"
#include "baton/sample.hpp"
#include "baton/subscriber.hpp"
